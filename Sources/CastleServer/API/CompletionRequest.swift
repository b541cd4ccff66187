import CastleFormats
import CastleGeneration

/// The body of `POST /v1/completions`.
struct CompletionRequest: Sendable {
  /// What choices go on from.
  enum Prompt: Sendable, Hashable {
    case text(String)
    case tokens([Int32])
  }

  var prompts: [Prompt]
  /// The most tokens of a choice.
  var maximumTokens: Int
  /// Whether the choices begin with their prompts.
  var echoes: Bool
  /// The alternatives that come with the log-probability of each token; nil for no log-probabilities.
  var alternatives: Int?
  /// Whether a prompt that is text gets the special tokens that the tokenizer's file says.
  var addsSpecialTokens: Bool
  var parameters: GenerationParameters

  /// The most prompts of a request.
  static let mostPrompts = 1_024
  /// The tokens of a choice where the request does not say, as of OpenAI.
  static let usualTokens = 16

  /// Reads the fields and checks their ranges.
  init(_ fields: RequestFields, vocabularySize: Int, seed: UInt64) throws {
    parameters = try GenerationParameters(fields, vocabularySize: vocabularySize, seed: seed)
    prompts = try Self.prompts(fields["prompt"], vocabularySize: vocabularySize)
    maximumTokens = try fields.integer("max_tokens", in: 0 ... .max) ?? Self.usualTokens
    echoes = try fields.boolean("echo") ?? false
    alternatives = try fields.integer("logprobs", in: 0...20)
    addsSpecialTokens = try fields.boolean("add_special_tokens") ?? true
  }

  private static func prompts(_ value: JSONValue, vocabularySize: Int) throws -> [Prompt] {
    func tokens(_ values: [JSONValue]) throws -> Prompt {
      .tokens(
        try values.map { value in
          guard let id = RequestFields.integer(value) else {
            throw RequestFields.wrong("prompt", value, "token ids, if it has any")
          }
          guard (0..<vocabularySize).contains(id) else {
            throw APIError.invalid(
              "prompt has the token id \(id), but the model's vocabulary is 0..<\(vocabularySize)", "prompt",
              code: "invalid_value")
          }
          return Int32(id)
        })
    }
    switch value {
    case .null: throw APIError.invalid("prompt is missing; give a text or token ids", "prompt")
    case .string(let text): return [.text(text)]
    case .list(let values):
      guard let first = values.first else {
        throw APIError.invalid("prompt is an empty list; give a text or token ids", "prompt")
      }
      if RequestFields.number(first) != nil { return [try tokens(values)] }
      guard values.count <= mostPrompts else {
        throw APIError.invalid(
          "prompt has \(values.count) prompts, but may have at most \(mostPrompts)", "prompt")
      }
      return try values.map { value in
        switch (first, value) {
        case (.string, .string(let text)): return .text(text)
        case (.list, .list(let ids)):
          guard !ids.isEmpty else {
            throw APIError.invalid("prompt has an empty list; each needs at least one token id", "prompt")
          }
          return try tokens(ids)
        default:
          throw RequestFields.wrong(
            "prompt", value, "a text, texts, token ids or lists of them, all of one kind")
        }
      }
    default: throw RequestFields.wrong("prompt", value, "a text, texts, token ids or lists of them")
    }
  }
}
