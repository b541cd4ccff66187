package import CastleInspection
package import CastleServing
package import CastleTokenizer

/// What generates tokens for the server: a `ServingEngine`, or in tests something with a script.
package protocol TokenEngine: Sendable {
  /// Queues a request; its work ends when the stream is dropped.
  func generate(_ request: ServingRequest) throws -> AsyncThrowingStream<ServingEvent, any Error>

  /// Traces attention on a text, as JSON for the page that shows lookahead keys.
  func trace(_ request: AttentionTraceRequest, tokenizer: Tokenizer, name: String) async throws -> String

  /// What the engine does now and has done so far; nil if it does not count.
  func report() -> ServingStatistics?

  /// Refuses new requests and returns when those that wait and run are done.
  func shutDown() async
}

extension ServingEngine: TokenEngine {
  package func trace(
    _ request: AttentionTraceRequest, tokenizer: Tokenizer, name: String
  ) async throws -> String {
    try await withModel { try request.trace(model: $0, tokenizer: tokenizer, name: name).json }
  }

  package func report() -> ServingStatistics? { statistics }
}
