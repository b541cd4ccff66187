package import CastleFormats
import Foundation

/// A client of HTTP 1.1 on a plain socket, which can also do what clients should not.
///
/// Each call blocks a thread of its own, never one of the pool that the server computes on.
package struct HTTPClient: Sendable {
  /// What the server answered.
  package struct Reply: Sendable {
    package var status: Int
    /// The headers, names in lower case.
    package var headers: [String: String]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as a JSON object.
    package var json: JSONValue {
      get throws { .object(try body.withUnsafeBytes { try JSONValue.object($0, source: "the answer") }) }
    }

    /// The data of server-sent events.
    package var events: [String] {
      text.components(separatedBy: "\n\n").compactMap {
        $0.hasPrefix("data: ") ? String($0.dropFirst(6)) : nil
      }
    }

    /// The data of server-sent events as JSON, without the last `[DONE]`.
    package var chunks: [JSONValue] {
      get throws {
        try events.filter { $0 != "[DONE]" }.map { event in
          .object(
            try Array(event.utf8).withUnsafeBytes { try JSONValue.object($0, source: "the event") })
        }
      }
    }
  }

  package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) {
      self.description = description
    }
  }

  package let port: Int

  /// A client of the server at a port of this machine.
  package init(port: Int) {
    self.port = port
  }

  /// Sends a request and reads the answer.
  package func send(
    _ method: String, _ path: String, body: [UInt8]? = nil, headers: [String: String] = [:]
  ) async throws -> Reply {
    try await onOwnThread {
      let connection = try Connection(port: port)
      try connection.write(Self.request(method, path, body: body, headers: headers))
      return try connection.read()
    }
  }

  package func get(_ path: String, headers: [String: String] = [:]) async throws -> Reply {
    try await send("GET", path, headers: headers)
  }

  package func post(_ path: String, _ json: String, headers: [String: String] = [:]) async throws -> Reply {
    try await send("POST", path, body: Array(json.utf8), headers: headers)
  }

  /// The bytes of a request.
  package static func request(
    _ method: String, _ path: String, body: [UInt8]? = nil, headers: [String: String] = [:]
  ) -> [UInt8] {
    var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"]
    lines += headers.sorted { $0.key < $1.key }.map { "\($0): \($1)" }
    if let body { lines.append("Content-Length: \(body.count)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
  }

  /// A connection whose bytes a test sends itself.
  package final class Connection {
    private let socket: Int32
    private var unread: [UInt8] = []

    /// Connects; after `seconds` without a byte, reading fails.
    package init(port: Int, seconds: Int = 300) throws {
      #if os(Linux)
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      #else
        socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
      #endif
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var limit = timeval(tv_sec: seconds, tv_usec: 0)
      setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard result == 0 else { throw Failure(description: "cannot connect: \(errno)") }
    }

    deinit { close(socket) }

    /// Makes the end of the connection a reset instead of an orderly close.
    package func resetsAtEnd() {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    package func write(_ bytes: [UInt8]) throws {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
          Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { throw Failure(description: "cannot send: \(errno)") }
        rest = rest.dropFirst(count)
      }
    }

    /// Closes the sending side.
    package func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Reads one answer.
    package func read() throws -> Reply {
      while true {
        let head = try readHead()
        guard head.status != 100 else { continue }
        if head.headers["transfer-encoding"] == "chunked" {
          return Reply(status: head.status, headers: head.headers, body: try readChunks())
        }
        let count = head.headers["content-length"].flatMap { Int($0) } ?? 0
        return Reply(status: head.status, headers: head.headers, body: try take(count))
      }
    }

    /// Reads the head of an answer.
    package func readHead() throws -> Reply {
      var lines: [String] = []
      while true {
        let line = try readLine()
        if line.isEmpty { break }
        lines.append(line)
      }
      guard let first = lines.first, let status = Int(first.split(separator: " ").dropFirst().first ?? "")
      else {
        throw Failure(description: "no status line: \(lines)")
      }
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        if parts.count == 2 { headers[parts[0].lowercased()] = parts[1] }
      }
      return Reply(status: status, headers: headers, body: [])
    }

    /// Reads one chunk; nil at the end.
    package func readChunk() throws -> [UInt8]? {
      guard let count = Int(try readLine(), radix: 16) else {
        throw Failure(description: "no size of a chunk")
      }
      let chunk = try take(count)
      _ = try readLine()
      return count == 0 ? nil : chunk
    }

    private func readChunks() throws -> [UInt8] {
      var body: [UInt8] = []
      while let chunk = try readChunk() { body += chunk }
      return body
    }

    /// Whether the server has closed the connection by now.
    package var hasEnded: Bool {
      var byte: UInt8 = 0
      let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
    }

    /// Whether the server has closed the connection; waits for it or for bytes.
    package func isClosedByServer() -> Bool {
      (try? fill()) == nil
    }

    private func readLine() throws -> String {
      while true {
        if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
          let line = String(decoding: unread[..<end], as: UTF8.self)
          unread.removeFirst(end + 1)
          return line.hasSuffix("\r") ? String(line.dropLast()) : line
        }
        try fill()
      }
    }

    private func take(_ count: Int) throws -> [UInt8] {
      while unread.count < count { try fill() }
      defer { unread.removeFirst(count) }
      return Array(unread[..<count])
    }

    private func fill() throws {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count > 0 else {
        throw Failure(description: count == 0 ? "the connection ended" : "errno \(errno)")
      }
      unread += buffer[..<count]
    }
  }
}

/// Runs blocking work on a thread of its own.
package func onOwnThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws
  -> Result
{
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try work() }) }
  }
}
