#if Server
  import CastleFormats
  import Foundation
  internal import HTTPTypes
  internal import HummingbirdCore
  internal import NIOCore

  extension ModelServer {
    /// Answers one request and writes it down.
    func respond(
      to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
      let record = RequestRecord(client: channel.remoteAddress?.ipAddress ?? "unknown")
      let target = request.head.path ?? "/"
      let rawPath = String(target.prefix { $0 != "?" })
      let incoming = IncomingRequest(
        method: request.method.rawValue, path: rawPath.removingPercentEncoding ?? rawPath,
        query: String(target.dropFirst(rawPath.count + 1)), authorization: request.headers[.authorization],
        origin: request.headers[.origin], host: request.head.authority,
        body: { [self] in try await body(of: request) },
        connection: ClientConnection.current ?? ClientConnection { channel.close(promise: nil) },
        record: record)
      let answer = await crossOrigin(incoming)
      defer {
        log?.append(
          record.line(method: incoming.method, path: rawPath, status: answer.status).line)
      }
      var head = HTTPResponse(status: HTTPResponse.Status(code: answer.status))
      head.headerFields[.contentType] = answer.contentType
      for (name, value) in answer.headers {
        if let name = HTTPField.Name(name) { head.headerFields.append(HTTPField(name: name, value: value)) }
      }
      switch answer.body {
      case .whole(let bytes):
        head.headerFields[.contentLength] = String(bytes.count)
        guard incoming.method != "HEAD", answer.status != 204 else {
          return try await writer.writeResponse(head)
        }
        try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
      case .pieces(let pieces):
        var output = try await writer.writeHead(head)
        do {
          try await pieces { try await output.write(ByteBuffer(bytes: $0)) }
        } catch {
          record.note { $0.problem = error is ClientGone ? "the client went away" : "\(error)" }
          throw error
        }
        try await output.finish(nil)
      }
    }

    /// The answer, with what a browser needs to know before it shows it to a page from elsewhere.
    private func crossOrigin(_ incoming: IncomingRequest) async -> Answer {
      guard let origin = incoming.origin else { return await handler.answer(incoming) }
      let allowed = handler.settings.allowedOrigins
      let isAllowed = allowed.contains("*") || allowed.contains(origin)
      let isOwn = origin.split(separator: "/").last.map(String.init) == incoming.host
      guard isAllowed || isOwn else {
        return .failure(
          .forbidden("pages of \(origin) may not use this server; its --cors-origin decides"))
      }
      let sharing = [
        ("Access-Control-Allow-Origin", allowed.contains("*") ? "*" : origin), ("Vary", "Origin"),
      ]
      guard incoming.method == "OPTIONS" else {
        var answer = await handler.answer(incoming)
        if isAllowed { answer.headers += sharing }
        return answer
      }
      return Answer(
        status: 204, contentType: "text/plain",
        headers: sharing + [
          ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
          ("Access-Control-Allow-Headers", "Authorization, Content-Type"), ("Access-Control-Max-Age", "600"),
        ], body: .whole([]))
    }

    /// Reads a body as far as the limits allow.
    private func body(of request: Request) async throws -> [UInt8] {
      let limit = handler.settings.bodyBytes
      let expected = request.headers[.contentLength].flatMap { Int($0) }
      func tooLong() -> APIError { .tooLarge("the body is longer than \(limit) bytes, which is the most") }
      if let expected, expected > limit { throw tooLong() }
      var bytes: [UInt8] = []
      var taken = 0
      defer { budget.give(taken) }
      do {
        for try await part in request.body {
          let count = part.readableBytes
          guard bytes.count + count <= limit else { throw tooLong() }
          guard budget.take(count) else {
            throw APIError.unavailable(
              "too many bodies are being read; try again later", code: "overloaded", retryAfter: 1)
          }
          taken += count
          bytes.append(contentsOf: part.readableBytesView)
        }
      } catch let error where !(error is APIError) {
        throw APIError.invalid("the body could not be read: \(error)", code: "invalid_body")
      }
      if let expected, bytes.count != expected {
        throw APIError.invalid(
          "the body ended after \(bytes.count) of \(expected) bytes", code: "invalid_body")
      }
      return bytes
    }
  }
#endif
