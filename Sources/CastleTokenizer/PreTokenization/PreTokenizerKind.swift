import CastleFormats

/// The pre-tokenizers that a tokenizer can be trained with, by the models that made them known.
public enum PreTokenizerKind: String, Sendable, CaseIterable {
  /// Words, numbers and other characters, each with a space before it.
  case gpt2
  /// That of GPT-4 and Llama 3: numbers of up to three digits, line ends with what is before them.
  case cl100k
  /// That of GPT-4o: also cuts where a small letter is followed by a capital.
  case o200k
  /// That of Qwen 2: as cl100k, with single digits.
  case qwen
  /// That of Mistral's Tekken: as o200k, with single digits, contractions cut.
  case tekken
  /// That of StarCoder and SmolLM2: as GPT-2, with single digits.
  case digits

  /// The part `pre_tokenizer` of a `tokenizer.json`.
  var json: JSONValue {
    switch self {
    case .gpt2: Self.byteLevel(usesPattern: true)
    case .cl100k: Self.split(PublishedPattern.cl100k)
    case .o200k: Self.split(PublishedPattern.o200k)
    case .qwen: Self.split(PublishedPattern.qwen)
    case .tekken: Self.split(PublishedPattern.tekken)
    case .digits:
      Self.sequence([
        .object(["type": .string("Digits"), "individual_digits": .bool(true)]),
        Self.byteLevel(usesPattern: true),
      ])
    }
  }

  /// The pipeline of byte-level tokens with this pre-tokenizer.
  var pipeline: TokenizerPipeline {
    get throws {
      if self == .gpt2 { return .gpt2 }
      let parts: JSONValue.Members = [
        "pre_tokenizer": json, "decoder": Self.byteLevel(usesPattern: true),
      ]
      return try TokenizerPipeline(parts: parts, settings: BytePairSettings())
    }
  }

  private static func sequence(_ parts: [JSONValue]) -> JSONValue {
    .object(["type": .string("Sequence"), "pretokenizers": .list(parts)])
  }

  private static func split(_ pattern: String) -> JSONValue {
    sequence([
      .object([
        "type": .string("Split"), "pattern": .object(["Regex": .string(pattern)]),
        "behavior": .string("Isolated"), "invert": .bool(false),
      ]),
      byteLevel(usesPattern: false),
    ])
  }

  private static func byteLevel(usesPattern: Bool) -> JSONValue {
    .object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
      "use_regex": .bool(usesPattern),
    ])
  }
}
