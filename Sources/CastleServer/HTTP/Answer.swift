import CastleFormats

/// What the server answers to a request.
struct Answer: Sendable {
  /// Takes the bytes of a body as they come; returns when the client's side has room for more.
  typealias Sink = ([UInt8]) async throws -> Void

  /// The bytes of a body.
  enum Body: Sendable {
    /// All at once.
    case whole([UInt8])
    /// As they come. What the closure throws ends the connection.
    case pieces(@Sendable (Sink) async throws -> Void)
  }

  var status = 200
  var contentType: String
  var headers: [(name: String, value: String)] = []
  var body: Body

  /// A JSON object.
  static func json(_ object: JSONValue.Members, status: Int = 200) -> Answer {
    Answer(status: status, contentType: "application/json", body: .whole(object.line))
  }

  /// A text.
  static func text(_ text: String, type: String, status: Int = 200) -> Answer {
    Answer(status: status, contentType: type + "; charset=utf-8", body: .whole(Array(text.utf8)))
  }

  /// A text that the program holds.
  static func file(_ bytes: [UInt8], type: String) -> Answer {
    Answer(contentType: type + "; charset=utf-8", body: .whole(bytes))
  }

  /// An error.
  static func failure(_ error: APIError) -> Answer {
    var answer = json(error.json, status: error.status)
    if let seconds = error.retryAfter { answer.headers.append(("Retry-After", String(seconds))) }
    if error.status == 401 { answer.headers.append(("WWW-Authenticate", "Bearer")) }
    // The rest of a body that is too long is not waited for.
    if error.status == 413 { answer.headers.append(("Connection", "close")) }
    return answer
  }

  /// Server-sent events.
  static func events(_ body: @escaping @Sendable (Sink) async throws -> Void) -> Answer {
    Answer(
      contentType: "text/event-stream; charset=utf-8",
      headers: [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")], body: .pieces(body))
  }
}
