/// What the server allows.
package struct ServerSettings: Sendable {
  /// The address to listen at.
  package var host = "127.0.0.1"
  /// The port; 0 takes a free one.
  package var port = 8_080
  /// The keys of which one must come with requests; nil for none.
  package var keys: APIKeys?
  /// The origins of web pages that may use the server besides its own; `*` for all.
  package var allowedOrigins: [String] = []
  /// The longest body, in bytes.
  package var bodyBytes = 4 << 20
  /// All bodies that are being read together, in bytes.
  package var allBodyBytes = 64 << 20
  /// The longest prompt, in tokens; nil for what the model reads.
  package var promptTokens: Int?
  /// The most tokens of a choice that a request may ask for; nil for what the model reads.
  package var generatedTokens: Int?
  /// The most answers that are generated or wait for that at once.
  package var requests = 512
  /// The most connections.
  package var connections = 4_096
  /// The longest time for an answer, in seconds.
  package var requestSeconds: Double = 600
  /// How long a connection may be idle, or a request come in, in seconds.
  package var idleSeconds: Double = 900
  /// How long what runs may go on when the server ends, in seconds.
  package var graceSeconds: Double = 30

  /// What is usual.
  package init() {}
}
