import Foundation

/// A request as far as the server looks at it.
struct IncomingRequest: Sendable {
  var method: String
  /// The path without the query, percent signs decoded.
  var path: String
  /// What comes after the question mark.
  var query: String
  /// The value of `Authorization`.
  var authorization: String?
  /// The value of `Origin`.
  var origin: String?
  /// The value of `Host`.
  var host: String?
  /// Reads the body; throws an ``APIError`` if it is too long or does not come whole.
  var body: @Sendable () async throws -> [UInt8]
  /// The connection that the request came through.
  var connection: ClientConnection
  /// What is written down about the request.
  var record: RequestRecord

  /// The value of a key of the query, percent signs decoded.
  func query(_ key: String) -> String? {
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.first.map(String.init) == key {
        let value = parts.count > 1 ? String(parts[1]) : ""
        return value.replacing("+", with: " ").removingPercentEncoding ?? value
      }
    }
    return nil
  }
}
