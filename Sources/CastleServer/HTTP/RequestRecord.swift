import CastleFormats
import Foundation
import Synchronization

/// What is written down about one request.
final class RequestRecord: Sendable {
  /// What becomes known while a request is answered.
  struct Details: Sendable {
    var model: String?
    var promptTokens: Int?
    var generatedTokens: Int?
    /// Why the answer did not end by itself.
    var problem: String?
  }

  let start = ContinuousClock.now
  private let time = Date()
  private let client: String
  private let details = Mutex(Details())

  init(client: String) {
    self.client = client
  }

  /// Writes something down.
  func note(_ change: (inout Details) -> Void) {
    details.withLock { change(&$0) }
  }

  /// The time since the request came, in seconds.
  var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// The line of the access log.
  func line(method: String, path: String, status: Int) -> JSONValue.Members {
    let details = details.withLock { $0 }
    var fields: [(key: String, value: JSONValue)] = [
      ("time", .string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))),
      ("client", .string(client)), ("method", .string(method)), ("path", .string(path)),
      ("status", .integer(status)), ("seconds", .number((seconds * 1e6).rounded() / 1e6)),
    ]
    if let model = details.model { fields.append(("model", .string(model))) }
    if let tokens = details.promptTokens { fields.append(("prompt_tokens", .integer(tokens))) }
    if let tokens = details.generatedTokens { fields.append(("completion_tokens", .integer(tokens))) }
    if let problem = details.problem { fields.append(("problem", .string(problem))) }
    return JSONValue.Members(fields)
  }
}
