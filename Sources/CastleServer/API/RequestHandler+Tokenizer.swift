import CastleFormats
import CastleModel
import CastleTokenizer

extension RequestHandler {
  /// `POST /tokenize`: the ids of a text or of a conversation.
  func tokenize(_ incoming: IncomingRequest) async throws -> Answer {
    let fields = try RequestFields(body: try await body(incoming))
    let model = try model(try fields.text("model"))
    var tokens: [Int32]
    if fields.has("messages") {
      let template = try chatTemplate(of: model)
      let text = template.text(
        try ChatRequest.messages(fields["messages"]),
        startsAnswer: try fields.boolean("add_generation_prompt") ?? true)
      tokens = model.tokenizer.encode(text)
    } else {
      guard let text = try fields.text("prompt") else {
        throw APIError.invalid("prompt is missing; give a text", "prompt")
      }
      tokens = model.tokenizer.encode(text)
      if try fields.boolean("add_special_tokens") ?? true {
        tokens = model.tokenizer.template.apply(to: tokens)
      }
    }
    let wantsNames = try fields.boolean("return_token_strs") ?? false
    let names = tokens.map { ScoredToken.name(Array(model.tokenizer.bytes(of: $0))) }
    return .json(
      [
        "count": .integer(tokens.count),
        "max_model_len": .integer(model.configuration.maximumLength),
        "tokens": .list(tokens.map { .integer(Int($0)) }),
        "token_strs": wantsNames ? .list(names.map { .string($0) }) : .null,
      ])
  }

  /// `POST /detokenize`: the text of ids.
  func detokenize(_ incoming: IncomingRequest) async throws -> Answer {
    let fields = try RequestFields(body: try await body(incoming))
    let model = try model(try fields.text("model"))
    guard case .list(let values) = fields["tokens"] else {
      throw RequestFields.wrong("tokens", fields["tokens"], "a list of token ids")
    }
    let tokens = try values.map { value in
      guard let id = RequestFields.integer(value), let token = Int32(exactly: id),
        model.tokenizer.contains(token)
      else { throw RequestFields.wrong("tokens", value, "ids of the tokenizer's tokens") }
      return token
    }
    let text = String(decoding: try model.tokenizer.decode(tokens), as: UTF8.self)
    return .json(["prompt": .string(text)])
  }

  /// `GET /tokenizer_info`: what a client needs to know of the tokenizer.
  func tokenizerInfo(_ incoming: IncomingRequest) async throws -> Answer {
    let model = try model(incoming.query("model"))
    let configuration = model.configuration
    func text(_ id: Int?) -> JSONValue { model.text(of: id).map { .string($0) } ?? .null }
    let end = configuration.endOfTextIDs.first ?? model.tokenizer.endOfText.map(Int.init)
    return .json(
      [
        "tokenizer_class": .string("PreTrainedTokenizerFast"),
        "vocab_size": .integer(model.tokenizer.vocabularySize),
        "model_max_length": .integer(configuration.maximumLength),
        "bos_token": text(configuration.beginOfTextID),
        "eos_token": text(end),
        "pad_token": text(configuration.paddingID),
        "add_bos_token": .bool(!model.tokenizer.template.before.isEmpty),
        "chat_template": model.chatSource.map { .string($0) } ?? .null,
      ])
  }
}
