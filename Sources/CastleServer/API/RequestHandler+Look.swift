import CastleInspection

extension RequestHandler {
  /// `POST /look/trace`: what attention computes while a model reads a text, for the page at `/look`.
  func lookTrace(_ incoming: IncomingRequest) async throws -> Answer {
    let request = try AttentionTraceRequest(json: try await body(incoming))
    let model = try model(request.model)
    let trace = try await runs.trace {
      try await model.engine.trace(request, tokenizer: model.tokenizer, name: model.name)
    }
    var answer = Answer.text(trace, type: "application/json")
    answer.contentType = "application/json"
    return answer
  }
}
