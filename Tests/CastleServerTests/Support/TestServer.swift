#if Server
  import CastleAttention
  import CastleOperations
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import CastleTokenizer
  import Foundation
  import Synchronization
  import Testing

  /// A server that listens at a free port as long as a test runs.
  struct TestServer: Sendable {
    let client: HTTPClient
    let server: ModelServer
    let lines: LogLines

    /// The lines of the access log.
    final class LogLines: Sendable {
      private let lines = Mutex<[String]>([])

      var all: [String] { lines.withLock { $0 } }

      func append(_ bytes: [UInt8]) { lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
    }

    /// A tokenizer of single bytes and an end of text, which also begins one.
    static func tokenizer() throws -> Tokenizer {
      try Tokenizer(
        vocabulary: (0..<256).map { [UInt8($0)] } + [nil], merges: [],
        addedTokens: [AddedToken(id: 256, content: "<|endoftext|>")], template: TextTemplate(before: [256]))
    }

    /// A small model's shape.
    static var configuration: ModelConfiguration {
      var configuration = ModelConfiguration(
        vocabularySize: 257, layerCount: 1, hiddenSize: 32, intermediateSize: 48,
        heads: HeadLayout(queryHeads: 2, kvHeads: 2, headSize: 16), mechanism: .castle)
      configuration.maximumLength = 128
      configuration.beginOfTextID = 256
      configuration.endOfTextIDs = [256]
      return configuration
    }

    /// A model of a scripted engine.
    static func model(
      _ engine: any TokenEngine, name: String = "counter", folder: String? = nil, chatTemplate: String? = nil
    ) throws -> ServedModel {
      try ServedModel(
        name: name, folder: folder, configuration: configuration, tokenizer: tokenizer(), engine: engine,
        chatTemplate: chatTemplate)
    }

    /// Runs `body` with a server of `models`.
    static func run<Result: Sendable>(
      _ models: [ServedModel], _ change: (inout ServerSettings) throws -> Void = { _ in },
      pages: [String: [UInt8]] = [:], _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
      var settings = ServerSettings()
      settings.port = 0
      try change(&settings)
      let lines = LogLines()
      let server = ModelServer(
        try RequestHandler(models: models, settings: settings, pages: pages),
        log: AccessLog { lines.append($0) })
      let (addresses, continuation) = AsyncStream.makeStream(of: String.self)
      let work = Task {
        defer { continuation.finish() }
        try await server.run { continuation.yield($0) }
      }
      var iterator = addresses.makeAsyncIterator()
      let address = await iterator.next()
      let port = try #require(address.flatMap { URL(string: $0)?.port })
      do {
        let result = try await body(
          TestServer(client: HTTPClient(port: port), server: server, lines: lines))
        work.cancel()
        _ = try? await work.value
        return result
      } catch {
        work.cancel()
        _ = try? await work.value
        throw error
      }
    }

    /// Runs `body` with a server of one scripted engine.
    static func run<Result: Sendable>(
      _ script: ScriptedEngine.Script = ScriptedEngine.Script(), chatTemplate: String? = nil,
      _ change: (inout ServerSettings) throws -> Void = { _ in },
      _ body: (TestServer, ScriptedEngine) async throws -> Result
    ) async throws -> Result {
      let engine = ScriptedEngine(script)
      return try await run([try model(engine, chatTemplate: chatTemplate)], change) {
        try await body($0, engine)
      }
    }
  }

  /// Waits until `condition` is true; a test that waits for half a minute has failed.
  func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
  ) async {
    let end = ContinuousClock.now + .seconds(30)
    while !condition() {
      guard ContinuousClock.now < end else {
        Issue.record(what, sourceLocation: sourceLocation)
        return
      }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }
#endif
