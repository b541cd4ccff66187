import CastleFormats
import CastleGeneration
import CastleInspection
import CastleModel
import CastleServing
import CastleSystem

/// Answers requests: which path does what.
package final class RequestHandler: Sendable {
  let models: [ServedModel]
  let settings: ServerSettings
  let metrics = ServerMetrics()
  let runs: RunRegistry

  /// Pages besides the server's own, by their paths.
  private let pages: [String: [UInt8]]

  /// A handler for `models`; requests that name none go to the first.
  ///
  /// - Throws: `InputError` if there is no model or two have one name.
  package init(models: [ServedModel], settings: ServerSettings, pages: [String: [UInt8]] = [:]) throws {
    guard !models.isEmpty else { throw InputError("there is no model to serve") }
    for (place, model) in models.enumerated()
    where models[..<place].contains(where: { $0.name == model.name }) {
      throw InputError("two models are called \(model.name); give one another name, as in NAME=folder")
    }
    self.models = models
    self.settings = settings
    self.pages = pages
    runs = RunRegistry(limit: settings.requests, seconds: settings.requestSeconds)
  }

  /// The answer to a request.
  func answer(_ request: IncomingRequest) async -> Answer {
    do {
      let (name, route) = try route(request)
      guard route.methods.contains(request.method) else {
        var failure = Answer.failure(APIError.methodNotAllowed(request.method, route.methods))
        failure.headers.append(("Allow", route.methods.joined(separator: ", ")))
        return counted(failure, name)
      }
      do {
        if route.needsKey { try settings.keys?.check(request.authorization) }
        return counted(try await route.answer(request), name)
      } catch {
        return counted(failure(error, request), name)
      }
    } catch {
      return counted(failure(error, request), "other")
    }
  }

  private func failure(_ error: any Error, _ request: IncomingRequest) -> Answer {
    let error = APIError(error)
    request.record.note { $0.problem = error.message }
    return .failure(error)
  }

  private func counted(_ answer: Answer, _ path: String) -> Answer {
    metrics.didAnswer(path: path, status: answer.status)
    return answer
  }

  // MARK: Routes

  /// What a path does.
  private struct Route {
    var methods: [String]
    var needsKey = true
    var answer: (IncomingRequest) async throws -> Answer
  }

  private func route(_ request: IncomingRequest) throws -> (name: String, Route) {
    func get(needsKey: Bool = true, _ answer: @escaping (IncomingRequest) async throws -> Answer) -> Route {
      Route(methods: ["GET", "HEAD"], needsKey: needsKey, answer: answer)
    }
    func post(_ answer: @escaping (IncomingRequest) async throws -> Answer) -> Route {
      Route(methods: ["POST"], answer: answer)
    }
    let path = request.path
    let route: Route? =
      switch path {
      case "/": get(needsKey: false) { _ in .file(PackageResources.page_html, type: "text/html") }
      case "/openapi.yaml":
        get(needsKey: false) { _ in .file(PackageResources.openapi_yaml, type: "application/yaml") }
      case "/health": get(needsKey: false) { _ in self.health() }
      case "/metrics": get { _ in self.metricsText() }
      case "/v1/models": get { _ in self.modelList() }
      case "/v1/completions": post(completions)
      case "/v1/chat/completions": post(chatCompletions)
      case "/look":
        get(needsKey: false) { _ in .text(InspectionPage.interactive, type: "text/html") }
      case "/look/trace": post(lookTrace)
      case "/tokenize": post(tokenize)
      case "/detokenize": post(detokenize)
      case "/tokenizer_info": get(tokenizerInfo)
      default: pages[path].map { page in get(needsKey: false) { _ in .file(page, type: "text/html") } }
      }
    if let route { return (path, route) }
    let prefix = "/v1/models/"
    if path.hasPrefix(prefix) {
      return (
        prefix + "ID", get { _ in self.modelObject(try self.model(String(path.dropFirst(prefix.count)))) }
      )
    }
    throw APIError.notFound("there is nothing at \(path); /openapi.yaml lists what there is")
  }

  private func health() -> Answer {
    guard !runs.isClosed else { return .failure(.shuttingDown) }
    return .json(
      [
        "status": .string("ok"),
        "version": .string(ProgramVersion.number),
        "models": .list(models.map { .string($0.name) }),
        "pages": .list((["/look"] + pages.keys).sorted().map { .string($0) }),
      ])
  }

  private func metricsText() -> Answer {
    let reports = models.compactMap { model in model.engine.report().map { (model.name, $0) } }
    var answer = Answer.text(metrics.text(models: reports), type: "text/plain")
    answer.contentType = "text/plain; version=0.0.4; charset=utf-8"
    return answer
  }

  private func modelList() -> Answer {
    .json(
      ["object": .string("list"), "data": .list(models.map { .object(object($0)) })])
  }

  private func modelObject(_ model: ServedModel) -> Answer { .json(object(model)) }

  private func object(_ model: ServedModel) -> JSONValue.Members {
    var hasChat = false
    if case .template = model.chat { hasChat = true }
    return [
      "id": .string(model.name),
      "object": .string("model"),
      "created": .integer(model.created),
      "owned_by": .string("castle"),
      "max_model_len": .integer(model.configuration.maximumLength),
      "parameters": .integer(model.configuration.parameterCount),
      "chat": .bool(hasChat),
    ]
  }

  /// The model of a name; the first if there is no name.
  func model(_ name: String?) throws -> ServedModel {
    guard let name else { return models[0] }
    guard let model = models.first(where: { $0.name == name }) else {
      let names = models.map(\.name).joined(separator: ", ")
      throw APIError.notFound(
        "there is no model \(RequestFields.brief(.string(name))); there are: \(names)", "model",
        code: "model_not_found")
    }
    return model
  }

  /// Checks a prompt against what the model reads and the server allows.
  func check(_ prompt: [Int32], _ model: ServedModel, parameter: String) throws {
    let longest = min(settings.promptTokens ?? .max, model.configuration.maximumLength)
    guard prompt.count <= longest else {
      let reason = longest < model.configuration.maximumLength ? "the server takes" : "the model reads"
      throw APIError.invalid(
        "\(parameter) has \(prompt.count) tokens, but \(reason) at most \(longest)", parameter,
        code: "context_length_exceeded")
    }
    do {
      try GenerationRequest(prompt: prompt, maximumTokens: 0).check(model.configuration)
    } catch let error as InputError {
      throw APIError.invalid("\(error)", parameter, code: "invalid_value")
    }
  }

  /// The most tokens of a choice: what is asked for, as far as the model can read.
  func tokenCount(_ wanted: Int?, after prompt: [Int32], _ model: ServedModel, parameter: String) throws
    -> Int
  {
    if let wanted, let most = settings.generatedTokens, wanted > most {
      throw APIError.invalid(
        "\(parameter) is \(wanted), but the server allows at most \(most)", parameter, code: "invalid_value")
    }
    // The last token is never read.
    let room = model.configuration.maximumLength - prompt.count + 1
    return min(wanted ?? settings.generatedTokens ?? .max, room)
  }
}
