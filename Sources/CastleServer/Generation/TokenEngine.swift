package import CastleServing

/// What generates tokens for the server: a `ServingEngine`, or in tests something with a script.
package protocol TokenEngine: Sendable {
  /// Queues a request; its work ends when the stream is dropped.
  func generate(_ request: ServingRequest) throws -> AsyncThrowingStream<ServingEvent, any Error>

  /// What the engine does now and has done so far; nil if it does not count.
  func report() -> ServingStatistics?

  /// Refuses new requests and returns when those that wait and run are done.
  func shutDown() async
}

extension ServingEngine: TokenEngine {
  package func report() -> ServingStatistics? { statistics }
}
