/// How text is cut into the pre-tokens that byte-pair merges never cross.
struct PreTokenizer: Sendable {
  /// One step: it cuts each piece of the one before into smaller ones, or changes its text.
  enum Stage: Sendable {
    /// The pattern of GPT-2.
    case gpt2(GPT2Scanner)
    /// That of cl100k, Llama 3 and Qwen 2.
    case cl100k(CL100KScanner)
    /// That of o200k and Tekken.
    case o200k(O200KScanner)
    /// Any other way to cut.
    case split(Splitter)
    /// A space is put before a piece that does not start with one.
    case prefixSpace
    /// Spaces become another character, as SentencePiece does.
    case metaspace(Metaspace)
    /// Bytes become the characters that stand for them, for stages that come after ByteLevel.
    case byteAlphabet
    /// The bytes again.
    case bytes
  }

  /// The stages, in order. Without any, a text is one pre-token.
  let stages: [Stage]
  /// Whether pre-tokens are bytes, and the names of tokens in the alphabet of ``ByteAlphabet``.
  let isByteLevel: Bool

  /// GPT-2's.
  static let gpt2 = PreTokenizer(stages: [.gpt2(GPT2Scanner())], isByteLevel: true)

  /// The character that stands for spaces in pre-tokens; nil if spaces stay spaces.
  ///
  /// It is put in by the model, which takes spaces for it, where nothing comes after Metaspace.
  var spaceCharacter: [UInt8]? {
    if case .metaspace(let metaspace) = stages.last { return metaspace.replacement }
    return nil
  }

  /// Whether a text can be cut before a space that follows a character other than white space.
  var cutsBeforeSpaces: Bool {
    var cuts = false
    for (index, stage) in stages.enumerated() {
      switch stage {
      case .gpt2, .cl100k, .o200k: cuts = true
      case .split(let splitter):
        guard splitter.isLocal else { return false }
        if splitter.cutsBeforeSpaces { cuts = true }
      case .metaspace(let metaspace):
        guard index == stages.count - 1 else { return false }
        if metaspace.splits { cuts = true }
      case .prefixSpace, .byteAlphabet, .bytes: break
      }
    }
    return cuts
  }

  /// Whether it is GPT-2's alone, so that a text can be cut before any of ASCII's white space.
  var isGPT2: Bool {
    if case .gpt2 = stages.first { return stages.count == 1 }
    return false
  }
}
