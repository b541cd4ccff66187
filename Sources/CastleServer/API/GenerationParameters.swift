import CastleFormats
import CastleGeneration

/// What completions and chat completions have in common: how much is generated, and how.
struct GenerationParameters: Sendable {
  /// How tokens are chosen; the seed is that of the first choice.
  var sampling: SamplingOptions
  /// The texts before which a choice ends.
  var stops: [String]
  /// Further tokens that end a choice.
  var stopTokens: Set<Int32>
  /// Whether the model's own end tokens do not end a choice.
  var ignoresEndTokens: Bool
  /// The number of choices of each prompt.
  var choiceCount: Int
  /// Whether the answer comes piece by piece.
  var streams: Bool
  /// Whether the last piece says how many tokens it took.
  var streamsUsage: Bool
  /// Whether token ids come with the text.
  var givesTokenIDs: Bool

  static let mostStops = 16
  static let mostChoices = 128

  /// Reads the fields and checks their ranges.
  ///
  /// - Parameters:
  ///   - vocabularySize: That of the model; ids of biases and stops lie below.
  ///   - seed: What is taken if the request has none.
  init(_ fields: RequestFields, vocabularySize: Int, seed: UInt64) throws {
    try fields.refuse(Self.unsupported)
    func id(_ value: JSONValue, _ key: String) throws -> Int32 {
      guard let id = RequestFields.integer(value), (0..<vocabularySize).contains(id) else {
        throw RequestFields.wrong(key, value, "token ids from 0 to \(vocabularySize - 1)")
      }
      return Int32(id)
    }
    choiceCount = try fields.integer("n", in: 1...Self.mostChoices) ?? 1
    stops = try fields.texts("stop", most: Self.mostStops)
    guard !stops.contains("") else { throw APIError.invalid("stop is empty, but must be a text", "stop") }
    if case .list(let values) = fields["stop_token_ids"] {
      stopTokens = Set(try values.map { try id($0, "stop_token_ids") })
    } else if fields.has("stop_token_ids") {
      throw RequestFields.wrong("stop_token_ids", fields["stop_token_ids"], "a list of token ids")
    } else {
      stopTokens = []
    }
    ignoresEndTokens = try fields.boolean("ignore_eos") ?? false
    givesTokenIDs = try fields.boolean("return_token_ids") ?? false
    streams = try fields.boolean("stream") ?? false
    let options = fields["stream_options"]
    switch options {
    case .null: streamsUsage = false
    case .object(let members):
      guard streams else {
        throw APIError.invalid("stream_options needs stream to be true", "stream_options")
      }
      streamsUsage = try RequestFields(members).boolean("include_usage") ?? false
    default: throw RequestFields.wrong("stream_options", options, "an object")
    }
    sampling = try Self.sampling(fields, seed: seed, id: id)
  }

  private static func sampling(
    _ fields: RequestFields, seed: UInt64, id: (JSONValue, String) throws -> Int32
  ) throws -> SamplingOptions {
    func number(_ key: String, _ range: ClosedRange<Double>, _ otherwise: Float) throws -> Float {
      try fields.number(key, in: range).map { Float($0) } ?? otherwise
    }
    let topK = try fields.integer("top_k", in: -1...Int.max) ?? 0
    let topP = try number("top_p", 0...1, 1)
    guard topP > 0 else { throw RequestFields.wrong("top_p", fields["top_p"], "above 0 and at most 1") }
    let repetition = try number("repetition_penalty", 0...100, 1)
    guard repetition > 0 else {
      throw RequestFields.wrong("repetition_penalty", fields["repetition_penalty"], "above 0 and at most 100")
    }
    return try SamplingOptions(
      temperature: try number("temperature", 0...2, 1), topK: topK > 0 ? topK : nil, topP: topP,
      minP: try number("min_p", 0...1, 0), repetitionPenalty: repetition,
      presencePenalty: try number("presence_penalty", -2...2, 0),
      frequencyPenalty: try number("frequency_penalty", -2...2, 0), logitBias: try bias(fields, id: id),
      seed: try fields.integer("seed").map { UInt64(bitPattern: Int64($0)) } ?? seed)
  }

  private static func bias(
    _ fields: RequestFields, id: (JSONValue, String) throws -> Int32
  ) throws -> [Int32: Float] {
    switch fields["logit_bias"] {
    case .null: return [:]
    case .object(let members):
      guard members.count <= mostBiases else {
        throw APIError.invalid(
          "logit_bias has \(members.count) tokens, but may have at most \(mostBiases)", "logit_bias")
      }
      var biases: [Int32: Float] = [:]
      for (key, value) in members {
        let token = try id(Int(key).map { .integer($0) } ?? .string(key), "logit_bias")
        guard let bias = RequestFields.number(value), abs(bias) <= 100 else {
          throw RequestFields.wrong("logit_bias", value, "numbers from -100 to 100")
        }
        biases[token] = Float(bias)
      }
      return biases
    case let other: throw RequestFields.wrong("logit_bias", other, "an object from token ids to numbers")
    }
  }

  private static let mostBiases = 1_024

  /// What is known but not implemented, with the values that ask for nothing.
  private static let unsupported: KeyValuePairs<String, [JSONValue]> = [
    "best_of": [.integer(1)], "suffix": [.string("")], "use_beam_search": [.bool(false)],
    "min_tokens": [.integer(0)], "response_format": [.object(["type": .string("text")])],
    "tools": [.list([])], "tool_choice": [.string("none"), .string("auto")], "functions": [.list([])],
    "function_call": [.string("none"), .string("auto")], "modalities": [.list([.string("text")])],
    "audio": [], "prediction": [], "web_search_options": [], "guided_json": [], "guided_regex": [],
    "guided_choice": [], "guided_grammar": [], "structured_outputs": [], "prompt_embeds": [],
    "continuous_usage_stats": [.bool(false)], "store": [.bool(false)],
  ]
}
