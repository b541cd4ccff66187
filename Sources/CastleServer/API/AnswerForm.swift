import CastleFormats
import Foundation

/// How answers of one request are written: the objects of completions or of chat completions.
struct AnswerForm: Sendable {
  /// Which of the two interfaces.
  enum Kind: Sendable {
    case completion
    case chat
  }

  /// One choice as a whole.
  struct Choice: Sendable {
    var text = ""
    var tokens: [ScoredToken] = []
    var finishReason: String?
    /// The tokens of the prompt.
    var prompt: [Int32] = []
    /// How many of ``tokens`` are those of the prompt.
    var echoedTokens = 0
  }

  var kind: Kind
  var model: String
  /// Whether log-probabilities are wanted.
  var wantsScores: Bool
  /// Whether token ids are wanted.
  var givesTokenIDs: Bool
  /// Whether pieces have a member for the number of tokens.
  var streamsUsage: Bool

  private let id: String
  private let created = Int(Date().timeIntervalSince1970)

  init(_ kind: Kind, model: String, wantsScores: Bool, parameters: GenerationParameters) {
    self.kind = kind
    self.model = model
    self.wantsScores = wantsScores
    givesTokenIDs = parameters.givesTokenIDs
    streamsUsage = parameters.streamsUsage
    id = (kind == .chat ? "chatcmpl-" : "cmpl-") + UUID().uuidString.lowercased()
  }

  /// The answer as a whole.
  func whole(_ choices: [Choice], usage: JSONValue.Members) -> JSONValue.Members {
    let objects = choices.enumerated().map { index, choice -> JSONValue in
      var fields: [(key: String, value: JSONValue)] = [("index", .integer(index))]
      switch kind {
      case .completion: fields.append(("text", .string(choice.text)))
      case .chat:
        fields.append(
          (
            "message",
            .object(
              ["role": .string("assistant"), "content": .string(choice.text), "refusal": .null])
          ))
      }
      fields += [("logprobs", scores(choice.tokens)), ("finish_reason", reason(choice.finishReason))]
      return .object(
        JSONValue.Members(
          fields + ids(choice.tokens, echoedTokens: choice.echoedTokens, prompt: choice.prompt)))
    }
    return object(kind == .chat ? "chat.completion" : "text_completion", objects, usage: .object(usage))
  }

  /// A piece of a choice. `prompt` are the tokens of its prompt, if this is the first piece.
  func piece(_ index: Int, _ piece: ChoiceText.Piece, echoedTokens: Int = 0, prompt: [Int32]?)
    -> JSONValue.Members
  {
    var fields: [(key: String, value: JSONValue)] = [("index", .integer(index))]
    switch kind {
    case .completion: fields.append(("text", .string(piece.text)))
    case .chat:
      var delta: [(key: String, value: JSONValue)] = prompt == nil ? [] : [("role", .string("assistant"))]
      if prompt != nil || !piece.text.isEmpty || !piece.tokens.isEmpty {
        delta.append(("content", .string(piece.text)))
      }
      fields.append(("delta", .object(JSONValue.Members(delta))))
    }
    let hasScores = !piece.tokens.isEmpty
    fields += [
      ("logprobs", hasScores ? scores(piece.tokens) : .null), ("finish_reason", reason(piece.finishReason)),
    ]
    fields += ids(piece.tokens, echoedTokens: echoedTokens, prompt: prompt)
    return object(
      kind == .chat ? "chat.completion.chunk" : "text_completion", [.object(JSONValue.Members(fields))],
      usage: streamsUsage ? .null : nil)
  }

  /// The piece after the last choice, which says how many tokens it all took.
  func usagePiece(_ usage: JSONValue.Members) -> JSONValue.Members {
    object(kind == .chat ? "chat.completion.chunk" : "text_completion", [], usage: .object(usage))
  }

  /// The numbers of tokens.
  static func usage(prompt: Int, generated: Int, cached: Int) -> JSONValue.Members {
    [
      "prompt_tokens": .integer(prompt),
      "completion_tokens": .integer(generated),
      "total_tokens": .integer(prompt + generated),
      "prompt_tokens_details": .object(["cached_tokens": .integer(cached)]),
    ]
  }

  private func object(
    _ name: String, _ choices: [JSONValue], usage: JSONValue?
  ) -> JSONValue.Members {
    var fields: [(key: String, value: JSONValue)] = [
      ("id", .string(id)), ("object", .string(name)), ("created", .integer(created)),
      ("model", .string(model)),
      ("choices", .list(choices)),
    ]
    if let usage { fields.append(("usage", usage)) }
    return JSONValue.Members(fields)
  }

  private func scores(_ tokens: [ScoredToken]) -> JSONValue {
    guard wantsScores else { return .null }
    switch kind {
    case .completion: return .object(LogProbabilities.completion(tokens))
    case .chat: return .object(LogProbabilities.chat(tokens))
    }
  }

  private func reason(_ reason: String?) -> JSONValue { reason.map { .string($0) } ?? .null }

  /// The ids of generated tokens, if ids are wanted, and the alternatives of all.
  private func ids(
    _ tokens: [ScoredToken], echoedTokens: Int, prompt: [Int32]?
  ) -> [(key: String, value: JSONValue)] {
    guard givesTokenIDs else { return [] }
    var fields: [(key: String, value: JSONValue)] = [
      ("token_ids", .list(tokens.dropFirst(echoedTokens).map { .integer(Int($0.id)) }))
    ]
    if wantsScores { fields.append(("alternatives", LogProbabilities.alternatives(tokens))) }
    if let prompt { fields.append(("prompt_token_ids", .list(prompt.map { .integer(Int($0)) }))) }
    return fields
  }
}
