import CastleFormats
import Foundation
import Synchronization

/// Many clients that read streams from a server at once, and what they see.
package struct ServingLoad: Sendable {
  /// The port of a server on this machine.
  package var port: Int
  /// The clients that stream, one request after another.
  package var clients: Int
  /// Connections beside them that do nothing.
  package var idleConnections: Int
  /// How long it goes on, in seconds.
  package var seconds: Double
  /// The tokens of each answer.
  package var tokens: Int
  /// The words of each prompt.
  package var promptWords: Int
  /// What comes with requests as `Authorization`; nil for nothing.
  package var authorization: String?

  /// Bundles the numbers.
  package init(
    port: Int, clients: Int, idleConnections: Int, seconds: Double, tokens: Int, promptWords: Int,
    authorization: String? = nil
  ) {
    self.port = port
    self.clients = clients
    self.idleConnections = idleConnections
    self.seconds = seconds
    self.tokens = tokens
    self.promptWords = promptWords
    self.authorization = authorization
  }

  /// What the clients saw.
  package struct Result: Sendable {
    /// The answers that came whole.
    package var answers = 0
    /// The tokens of all answers.
    package var tokens = 0
    /// What went wrong, by how often.
    package var failures: [String: Int] = [:]
    /// The time that it all took, in seconds.
    package var seconds = 0.0
    /// The idle connections that were still open at the end.
    package var idleConnections = 0
    /// From each request to its first token, in seconds.
    package var firstTokens: [Double] = []
    /// From one token to the next, in seconds.
    package var betweenTokens: [Double] = []

    /// The tokens a second of all clients together.
    package var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }

    /// The smallest value that `share` of the values do not exceed; nan if there are none.
    package static func quantile(_ values: [Double], _ share: Double) -> Double {
      guard !values.isEmpty else { return .nan }
      return values.sorted()[min(values.count - 1, Int((share * Double(values.count)).rounded(.up)) - 1)]
    }
  }

  /// Runs the clients, each on a thread of its own.
  ///
  /// - Throws: ``HTTPClient/Failure`` if the server cannot be reached at the start.
  package func run() throws -> Result {
    let idle = try (0..<idleConnections).map { _ in try HTTPClient.Connection(port: port) }
    let result = Mutex(Result())
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    let threads = DispatchGroup()
    for client in 0..<clients {
      threads.enter()
      Thread.detachNewThread {
        defer { threads.leave() }
        var number = 0
        while ContinuousClock.now < end {
          stream(client: client, number: number, into: result)
          number += 1
        }
      }
    }
    threads.wait()
    return result.withLock { result in
      result.seconds = (ContinuousClock.now - start) / .seconds(1)
      result.idleConnections = idle.count { !$0.hasEnded }
      return result
    }
  }

  private func stream(client: Int, number: Int, into result: borrowing Mutex<Result>) {
    var (first, between, tokens) = (Double?.none, [Double](), 0)
    do {
      let connection = try HTTPClient.Connection(port: port, seconds: 120)
      var headers: [String: String] = [:]
      if let authorization { headers["Authorization"] = authorization }
      let body: JSONValue.Members = [
        "prompt": .string(prompt(client: client, number: number)),
        "max_tokens": .integer(self.tokens),
        "stream": .bool(true),
        "ignore_eos": .bool(true),
        "return_token_ids": .bool(true),
        "seed": .integer(client << 20 + number),
      ]
      var last = ContinuousClock.now
      try connection.write(
        HTTPClient.request("POST", "/v1/completions", body: Array(body.text.utf8), headers: headers))
      let head = try connection.readHead()
      guard head.status == 200 else { throw HTTPClient.Failure(description: "status \(head.status)") }
      var isWhole = false
      while let chunk = try connection.readChunk() {
        let text = String(decoding: chunk, as: UTF8.self)
        if text.contains("[DONE]") { isWhole = true }
        guard text.contains("\"token_ids\":["), !text.contains("\"token_ids\":[]") else { continue }
        let now = ContinuousClock.now
        let time = (now - last) / .seconds(1)
        if first == nil { first = time } else { between.append(time) }
        last = now
        tokens += 1
      }
      guard isWhole else { throw HTTPClient.Failure(description: "a stream without [DONE]") }
      result.withLock { $0.answers += 1 }
    } catch {
      result.withLock { $0.failures["\(error)", default: 0] += 1 }
    }
    result.withLock { result in
      result.tokens += tokens
      if let first { result.firstTokens.append(first) }
      result.betweenTokens += between
    }
  }

  private func prompt(client: Int, number: Int) -> String {
    let words = ["the", "castle", "stands", "on", "a", "hill", "and", "looks", "over", "green", "fields"]
    return (0..<promptWords).map { words[(($0 + client) * ($0 + number + 1)) % words.count] }.joined(
      separator: " ")
  }
}
