import CastleFormats

/// The body of `POST /v1/chat/completions`.
struct ChatRequest: Sendable {
  var messages: [ChatMessage]
  /// The most tokens of a choice; nil for as many as fit.
  var maximumTokens: Int?
  /// The alternatives that come with the log-probability of each token; nil for no log-probabilities.
  var alternatives: Int?
  /// Whether the template's start of an answer comes after the messages.
  var addsGenerationPrompt: Bool
  var parameters: GenerationParameters

  static let mostMessages = 4_096

  /// Reads the fields and checks their ranges.
  init(_ fields: RequestFields, vocabularySize: Int, seed: UInt64) throws {
    parameters = try GenerationParameters(fields, vocabularySize: vocabularySize, seed: seed)
    messages = try Self.messages(fields["messages"])
    addsGenerationPrompt = try fields.boolean("add_generation_prompt") ?? true
    maximumTokens =
      try fields.integer("max_completion_tokens", in: 0 ... .max)
      ?? fields.integer("max_tokens", in: 0 ... .max)
    let count = try fields.integer("top_logprobs", in: 0...20)
    let wants = try fields.boolean("logprobs") ?? false
    guard wants || count == nil else {
      throw APIError.invalid("top_logprobs needs logprobs to be true", "top_logprobs")
    }
    alternatives = wants ? count ?? 0 : nil
    guard try fields.boolean("echo") != true else {
      throw APIError.invalid(
        "echo is not supported here; use /v1/completions", "echo", code: "unsupported_parameter")
    }
  }

  /// Reads `messages`.
  static func messages(_ value: JSONValue) throws -> [ChatMessage] {
    guard case .list(let values) = value, !values.isEmpty else {
      throw value == .null
        ? APIError.invalid("messages is missing; give at least one message", "messages")
        : RequestFields.wrong("messages", value, "a list of at least one message")
    }
    guard values.count <= mostMessages else {
      throw APIError.invalid(
        "messages has \(values.count) messages, but may have at most \(mostMessages)", "messages")
    }
    return try values.enumerated().map { place, value in
      let name = "messages[\(place)]"
      guard case .object(let members) = value else { throw RequestFields.wrong(name, value, "an object") }
      let fields = RequestFields(members)
      guard let role = try fields.text("role"), roles.contains(role) else {
        throw RequestFields.wrong(
          name + ".role", fields["role"], roles.joined(separator: ", ") + ", one of them")
      }
      for key in ["tool_calls", "function_call", "audio"] where fields.has(key) && fields[key] != .list([]) {
        throw APIError.invalid(
          "\(name).\(key) is not supported; leave it out", name, code: "unsupported_parameter")
      }
      return ChatMessage(role: role, content: try content(fields["content"], name: name + ".content"))
    }
  }

  private static let roles = ["system", "user", "assistant"]

  /// A text, or the text parts of a list of parts.
  private static func content(_ value: JSONValue, name: String) throws -> String {
    switch value {
    case .string(let text): return text
    case .list(let parts):
      return try parts.map { part in
        guard part["type"] == .string("text"), case .string(let text) = part["text"] else {
          throw RequestFields.wrong(name, part, "parts of type text; others are not supported")
        }
        return text
      }.joined(separator: "\n")
    default: throw RequestFields.wrong(name, value, "a text or a list of text parts")
    }
  }
}

/// A message of a conversation.
struct ChatMessage: Sendable, Hashable {
  var role: String
  var content: String
}
