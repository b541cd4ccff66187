import CastleFormats

/// The parts of a tokenizer around its vocabulary: normalizer, pre-tokenizer, model settings, decoder.
struct TokenizerPipeline: Sendable {
  var normalizer = Normalizer()
  var preTokenizer = PreTokenizer.gpt2
  var settings = BytePairSettings()
  var decoder = TokenDecoder.byteLevel

  /// The parts as a `tokenizer.json` has them, where they are not those of GPT-2.
  var parts: JSONValue.Members = [:]

  /// Byte-level as GPT-2's.
  static let gpt2 = TokenizerPipeline()

  /// The names of the parts.
  static let partNames = ["normalizer", "pre_tokenizer", "decoder"]

  private init() {}

  /// The pipeline that the parts of a `tokenizer.json` describe.
  ///
  /// - Throws: ``InputError`` without the file's name if one is malformed or not implemented.
  init(parts: JSONValue.Members, settings: BytePairSettings) throws {
    normalizer = try Normalizer(json: parts["normalizer"] ?? .null)
    preTokenizer = try PreTokenizer(json: parts["pre_tokenizer"] ?? .null)
    decoder = try TokenDecoder(json: parts["decoder"] ?? .null)
    self.settings = settings
    // Without a decoder, the bytes of byte-level tokens are joined.
    if decoder.steps.isEmpty, preTokenizer.isByteLevel { decoder = .byteLevel }
    self.parts = JSONValue.Members(
      parts.filter { Self.partNames.contains($0.key) && $0.value != .null })
  }

  /// Whether nothing differs from GPT-2's but for settings without effect.
  var isGPT2: Bool {
    normalizer.steps.isEmpty && preTokenizer.isGPT2 && preTokenizer.isByteLevel
      && settings == BytePairSettings()
      && decoder.isByteLevel
  }
}

extension TokenDecoder {
  /// Whether it is ByteLevel alone.
  var isByteLevel: Bool {
    if case .byteLevel = steps.first { return steps.count == 1 }
    return false
  }
}
