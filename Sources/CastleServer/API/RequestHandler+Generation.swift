import CastleFormats
import CastleGeneration
import CastleModel
import CastleServing
import CastleTokenizer

extension RequestHandler {
  /// `POST /v1/completions`.
  func completions(_ incoming: IncomingRequest) async throws -> Answer {
    let fields = try RequestFields(body: try await body(incoming))
    let model = try model(try fields.text("model"))
    incoming.record.note { $0.model = model.name }
    let request = try CompletionRequest(
      fields, vocabularySize: model.configuration.vocabularySize, seed: .random(in: .min ... .max))
    var choices: [AnswerGenerator.Choice] = []
    var promptTokens = 0
    let total = request.prompts.count * request.parameters.choiceCount
    guard total <= CompletionRequest.mostPrompts else {
      throw APIError.invalid(
        "\(request.prompts.count) prompts with n \(request.parameters.choiceCount) are \(total) choices, "
          + "but at most \(CompletionRequest.mostPrompts) are possible", "n")
    }
    for prompt in request.prompts {
      let (tokens, text) = try encoded(prompt, request, model)
      try check(tokens, model, parameter: "prompt")
      promptTokens += tokens.count
      let count = try tokenCount(
        request.maximumTokens, after: tokens, model, parameter: "max_tokens")
      let echo = request.echoes ? ChoiceText.Echo(text: text, tokens: tokens) : nil
      choices += self.choices(
        tokens, echo: echo, count: count, alternatives: request.alternatives,
        scoresPrompt: request.echoes && request.alternatives != nil, request.parameters, model)
    }
    return try await generate(
      choices, promptTokens: promptTokens, kind: .completion, wantsScores: request.alternatives != nil,
      stops: request.parameters.stops, request.parameters, model, incoming)
  }

  /// `POST /v1/chat/completions`.
  func chatCompletions(_ incoming: IncomingRequest) async throws -> Answer {
    let fields = try RequestFields(body: try await body(incoming))
    let model = try model(try fields.text("model"))
    incoming.record.note { $0.model = model.name }
    let request = try ChatRequest(
      fields, vocabularySize: model.configuration.vocabularySize, seed: .random(in: .min ... .max))
    let template = try chatTemplate(of: model)
    let tokens = model.tokenizer.encode(
      template.text(request.messages, startsAnswer: request.addsGenerationPrompt))
    try check(tokens, model, parameter: "messages")
    let count = try tokenCount(
      request.maximumTokens, after: tokens, model, parameter: "max_completion_tokens")
    var parameters = request.parameters
    if let name = template.endOfAnswer,
      let end = model.tokenizer.addedTokens.first(where: { $0.content == name })?.id,
      !parameters.ignoresEndTokens
    {
      parameters.stopTokens.insert(end)
    }
    if let stop = template.stop, !parameters.ignoresEndTokens { parameters.stops.append(stop) }
    let choices = choices(
      tokens, echo: nil, count: count, alternatives: request.alternatives, scoresPrompt: false, parameters,
      model)
    return try await generate(
      choices, promptTokens: tokens.count, kind: .chat, wantsScores: request.alternatives != nil,
      stops: parameters.stops, parameters, model, incoming)
  }

  /// The template of a model's conversations.
  func chatTemplate(of model: ServedModel) throws -> ChatTemplate {
    let forms = ChatTemplate.Form.allCases.map(\.rawValue).joined(separator: ", ")
    switch model.chat {
    case .template(let template): return template
    case .none:
      throw APIError.invalid(
        "the model \(model.name) has no chat_template; use /v1/completions, or start the server with "
          + "--chat-template and one of \(forms)", "messages", code: "chat_template_missing")
    case .unknown:
      throw APIError.invalid(
        "the chat_template of the model \(model.name) is none of the forms implemented: \(forms); use "
          + "/v1/completions, or start the server with --chat-template", "messages",
        code: "chat_template_unsupported")
    }
  }

  /// Reads a body that is JSON.
  func body(_ incoming: IncomingRequest) async throws -> [UInt8] {
    guard !runs.isClosed else { throw APIError.shuttingDown }
    return try await incoming.body()
  }

  private func encoded(
    _ prompt: CompletionRequest.Prompt, _ request: CompletionRequest, _ model: ServedModel
  ) throws -> (tokens: [Int32], text: String) {
    switch prompt {
    case .tokens(let tokens):
      guard request.echoes else { return (tokens, "") }
      return (tokens, String(decoding: tokens.flatMap { model.tokenizer.bytes(of: $0) }, as: UTF8.self))
    case .text(let text):
      var textRequest = TextRequest(text, maximumTokens: request.maximumTokens)
      textRequest.addsSpecialTokens = request.addsSpecialTokens
      do {
        return (try textRequest.promptTokens(model.configuration, model.tokenizer), text)
      } catch let error as InputError {
        throw APIError.invalid("\(error)", "prompt")
      }
    }
  }

  private func choices(
    _ tokens: [Int32], echo: ChoiceText.Echo?, count: Int, alternatives: Int?, scoresPrompt: Bool,
    _ parameters: GenerationParameters, _ model: ServedModel
  ) -> [AnswerGenerator.Choice] {
    let ends = (parameters.ignoresEndTokens ? [] : model.endTokens).union(parameters.stopTokens)
    return (0..<parameters.choiceCount).map { number in
      var sampling = parameters.sampling
      sampling.seed &+= UInt64(number)
      return AnswerGenerator.Choice(
        request: ServingRequest(
          prompt: tokens, maximumTokens: count, sampling: sampling, endTokens: ends,
          scoresPrompt: scoresPrompt, alternatives: alternatives), echo: echo)
    }
  }

  private func generate(
    _ choices: [AnswerGenerator.Choice], promptTokens: Int, kind: AnswerForm.Kind, wantsScores: Bool,
    stops: [String], _ parameters: GenerationParameters, _ model: ServedModel, _ incoming: IncomingRequest
  ) async throws -> Answer {
    let generator = AnswerGenerator(
      choices: choices, promptTokens: promptTokens,
      text: ChoiceText.Form(
        tokenizer: model.tokenizer, stops: stops, endTokens: choices.first?.request.endTokens ?? [],
        wantsScores: wantsScores),
      form: AnswerForm(kind, model: model.name, wantsScores: wantsScores, parameters: parameters),
      metrics: metrics, record: incoming.record)
    let lease = try runs.start(
      choices.map(\.request), engine: model.engine, connection: incoming.connection)
    return parameters.streams ? generator.pieces(lease) : try await generator.whole(lease)
  }
}
