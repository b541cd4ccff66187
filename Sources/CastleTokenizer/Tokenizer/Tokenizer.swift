import CastleFormats

/// A byte-pair encoding: text becomes token ids and back.
///
/// ```swift
/// let tokenizer = try TokenizerFile.read(path: "tokenizer.json")
/// let ids = tokenizer.encode("To be, or not to be")
/// let text = String(decoding: try tokenizer.decode(ids), as: UTF8.self)
/// ```
///
/// A text goes through four steps: added tokens are found and the rest is normalized, it is cut into
/// pre-tokens, the merges are applied inside each pre-token, and its tokens become ids. The ids are those of
/// Python's `tokenizers` for the same `tokenizer.json`. In a byte-level vocabulary any sequence of bytes has
/// tokens.
///
/// Method: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016);
/// bytes: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); spaces as characters:
/// Kudo and Richardson, "SentencePiece" (2018).
public final class Tokenizer: Sendable {
  /// One more than the highest token id.
  public let vocabularySize: Int

  /// The tokens that stand for strings of their own, in order of their ids.
  public let addedTokens: [AddedToken]

  /// The id of the token that ends a document: of the added token `<|endoftext|>`, or if there is none of the
  /// first present of `<|end_of_text|>`, `</s>`, `<eos>`.
  public let endOfText: Int32?

  /// The special tokens around a text. ``encode(_:specialTokens:)`` leaves them to its caller.
  public let template: TextTemplate

  /// The bytes that text would lose, since the vocabulary has no token for them and none that stands for
  /// unknown ones. Encoding leaves them out, as Python's `tokenizers` does.
  public var missingBytes: [UInt8] { model.missingBytes }

  /// The merges, the one to apply first at the start.
  public let mergeList: [Merge]

  let pipeline: TokenizerPipeline
  let model: BytePairModel

  /// The tokens of the vocabulary as they are in pre-tokens.
  private let tokens: PackedTokens
  /// What each token stands for, added ones included.
  private let texts: PackedTokens
  private let isDefined: [Bool]
  private let vocabulary: [Bool]
  private let strangers: Set<Int32>
  private let addedIDs: Set<Int32>

  private let allMatchers: AddedTokenMatchers
  private let ordinaryMatchers: AddedTokenMatchers

  /// The largest vocabulary that is accepted.
  package static let mostTokens = 1 << 24

  /// A byte-level tokenizer with the pre-tokenizer of GPT-2 and the given tokens.
  ///
  /// - Parameters:
  ///   - vocabulary: The bytes of each token; the place is the id. `nil` where an id is not used.
  ///   - merges: The merges, the one to apply first at the start.
  ///   - addedTokens: Tokens for whole strings. Their ids may be in the vocabulary or above.
  ///   - template: The special tokens around a text.
  /// - Throws: ``InputError`` if an id is out of range or given to two tokens, an added token is empty or
  ///   there twice, a merge does not join its two tokens, or the template has an id that is not a token.
  public convenience init(
    vocabulary: [[UInt8]?], merges: [Merge], addedTokens: [AddedToken],
    template: TextTemplate = TextTemplate()
  ) throws {
    try self.init(
      vocabulary: vocabulary, merges: merges, addedTokens: addedTokens, pipeline: .gpt2, template: template)
  }

  /// A tokenizer with any parts.
  ///
  /// - Parameters:
  ///   - vocabulary: Each token as it is in pre-tokens: its bytes in a byte-level vocabulary, else its name.
  ///   - strangers: The names of tokens that no pre-token can have, since they are not in the byte-level
  ///     alphabet.
  init(
    vocabulary: [[UInt8]?], strangers: [Int32: [UInt8]] = [:], merges: [Merge], addedTokens: [AddedToken],
    pipeline: TokenizerPipeline, template: TextTemplate = TextTemplate()
  ) throws {
    let highest = [addedTokens.map(\.id).max(), strangers.keys.max()].compactMap { $0 }.max() ?? -1
    let size = max(vocabulary.count, Int(highest) + 1)
    guard size <= Self.mostTokens, !addedTokens.contains(where: { $0.id < 0 }) else {
      throw InputError(
        "the tokenizer has a token id outside 0..<\(Self.mostTokens)")
    }
    let isByteLevel = pipeline.preTokenizer.isByteLevel
    var texts = vocabulary + Array(repeating: nil, count: size - vocabulary.count)
    try Self.check(addedTokens, vocabulary: vocabulary)
    if !pipeline.decoder.isByteLevel {
      texts = texts.map { token in
        token.map { pipeline.decoder.text(ofName: isByteLevel ? ByteAlphabet.encode($0) : $0) }
      }
    }
    for (id, name) in strangers { texts[Int(id)] = name }
    for token in addedTokens { texts[Int(token.id)] = Array(token.content.utf8) }
    try Self.check(merges, vocabulary: vocabulary)
    for id in template.before + template.after {
      guard texts.indices.contains(Int(id)), texts[Int(id)] != nil else {
        throw InputError("the template of texts has the id \(id), which is not a token")
      }
    }

    vocabularySize = size
    self.addedTokens = addedTokens.sorted { $0.id < $1.id }
    self.template = template
    self.pipeline = pipeline
    mergeList = merges
    model = try BytePairModel(
      vocabulary: vocabulary, merges: merges, settings: pipeline.settings, isByteLevel: isByteLevel,
      spaceCharacter: pipeline.preTokenizer.spaceCharacter)
    self.texts = PackedTokens(texts)
    tokens = PackedTokens(vocabulary.indices.map { strangers[Int32($0)] ?? vocabulary[$0] })
    self.strangers = Set(strangers.keys)
    isDefined = texts.map { $0 != nil }
    let addedIDs = Set(addedTokens.map(\.id))
    self.addedIDs = addedIDs
    self.vocabulary = vocabulary.indices.map {
      vocabulary[$0] != nil || strangers[Int32($0)] != nil || addedIDs.contains(Int32($0))
    }

    let ends = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"]
    endOfText = ends.lazy.compactMap { end in addedTokens.first { $0.content == end }?.id }.first
    allMatchers = try AddedTokenMatchers(addedTokens, pipeline.normalizer)
    ordinaryMatchers = try AddedTokenMatchers(addedTokens.filter { !$0.isSpecial }, pipeline.normalizer)
  }

  /// Checks that every id and every content has one token. A token of the vocabulary may be added too.
  private static func check(_ addedTokens: [AddedToken], vocabulary: [[UInt8]?]) throws {
    var ids: Set<Int32> = []
    var contents: Set<[UInt8]> = []
    for token in addedTokens {
      let content = Array(token.content.utf8)
      guard !content.isEmpty else { throw InputError("the added token of id \(token.id) is empty") }
      guard contents.insert(content).inserted else {
        throw InputError("the tokenizer has the added token \"\(token.content)\" twice")
      }
      let other = vocabulary.indices.contains(Int(token.id)) ? vocabulary[Int(token.id)] : nil
      let decoded = content.withUnsafeBufferPointer(ByteAlphabet.decode)
      guard ids.insert(token.id).inserted, other == nil || other == content || other == decoded else {
        throw InputError("the tokenizer gives id \(token.id) to two tokens, one of them \"\(token.content)\"")
      }
    }
  }

  private static func check(_ merges: [Merge], vocabulary: [[UInt8]?]) throws {
    for (rank, merge) in merges.enumerated() {
      let ids = [merge.left, merge.right, merge.merged]
      guard ids.allSatisfy({ vocabulary.indices.contains(Int($0)) && vocabulary[Int($0)] != nil }) else {
        throw InputError("merge \(rank) of the tokenizer names a token that the vocabulary does not have")
      }
      guard vocabulary[Int(merge.left)]! + vocabulary[Int(merge.right)]! == vocabulary[Int(merge.merged)]!
      else {
        throw InputError("merge \(rank) of the tokenizer does not give the two tokens joined")
      }
    }
  }

  /// What finds the added tokens.
  func matchers(_ reading: SpecialTokenReading) -> AddedTokenMatchers {
    reading == .recognized ? allMatchers : ordinaryMatchers
  }

  /// Whether `id` is a token.
  public func contains(_ id: Int32) -> Bool {
    id >= 0 && id < vocabularySize && isDefined[Int(id)]
  }

  /// Whether `id` is an added token.
  func isAdded(_ id: Int32) -> Bool { addedIDs.contains(id) }

  /// Whether `id` is in the vocabulary of the merges, as every token is that was not added on top.
  func isInVocabulary(_ id: Int32) -> Bool {
    vocabulary.indices.contains(Int(id)) && vocabulary[Int(id)]
  }

  /// The bytes that a token in the middle of a text stands for; none if `id` is not a token.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard contains(id) else { return [] }
    return texts[Int(id)]
  }

  /// The name of a token of the vocabulary as it stands in a `tokenizer.json`.
  func name(of id: Int32) -> [UInt8] {
    let token = tokens[Int(id)]
    // A token that is not in the alphabet is only found as an added one, or not at all.
    return pipeline.preTokenizer.isByteLevel && !strangers.contains(id)
      ? ByteAlphabet.encode(token) : Array(token)
  }
}

/// What finds the added tokens of a tokenizer: first those that are looked for in the text as it is, then
/// those in the normalized text. Each is nil if there are none.
struct AddedTokenMatchers: Sendable {
  let raw: AddedTokenMatcher?
  let normalized: AddedTokenMatcher?

  var all: [AddedTokenMatcher] { [raw, normalized].compactMap { $0 } }

  /// - Throws: ``InputError`` if nothing is left of a token once it is normalized.
  init(_ tokens: [AddedToken], _ normalizer: Normalizer) throws {
    func matcher(_ tokens: [AddedToken], _ bytes: (AddedToken) throws -> [UInt8]) rethrows
      -> AddedTokenMatcher?
    {
      tokens.isEmpty
        ? nil
        : AddedTokenMatcher(try tokens.map { AddedTokenMatcher.Pattern(bytes: try bytes($0), token: $0) })
    }
    raw = matcher(tokens.filter { !$0.isNormalized }) { Array($0.content.utf8) }
    let normalizer = TextNormalizer(normalizer)
    normalized = try matcher(tokens.filter(\.isNormalized)) { token in
      let content = Array(token.content.utf8)
      let bytes = content.withUnsafeBufferPointer { normalizer.normalized($0).text } ?? content
      guard !bytes.isEmpty else {
        throw InputError("the normalizer leaves nothing of the added token \"\(token.content)\"")
      }
      return bytes
    }
  }
}
