#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Foundation
  import Testing

  @Suite struct ServerLifeTests {
    private static var slow: ScriptedEngine.Script {
      var script = ScriptedEngine.Script()
      script.pause = .milliseconds(20)
      return script
    }

    private static func request(_ stream: Bool, tokens: Int = 100) -> [UInt8] {
      HTTPClient.request(
        "POST", "/v1/completions",
        body: Array(#"{"prompt": "a", "max_tokens": \#(tokens), "stream": \#(stream)}"#.utf8))
    }

    @Test(arguments: [true, false], [true, false])
    func aClientThatGoesAwayEndsItsWork(streams: Bool, resets: Bool) async throws {
      try await TestServer.run(Self.slow) { server, engine in
        let port = server.client.port
        try await onOwnThread {
          let connection = try HTTPClient.Connection(port: port)
          try connection.write(Self.request(streams))
          if streams { _ = try connection.readHead() }
          Thread.sleep(forTimeInterval: 0.1)
          if resets { connection.resetsAtEnd() }
        }
        await eventually("the work is ended") { engine.cancelled == 1 && engine.running == 0 }
        #expect(engine.tokens < 100)
      }
    }

    @Test func halfABodyDoesNoHarm() async throws {
      try await TestServer.run { settings in
        settings.idleSeconds = 0.5
      } _: { server, engine in
        let port = server.client.port
        let isClosed = try await onOwnThread {
          let whole = Self.request(false)
          let left = try HTTPClient.Connection(port: port)
          try left.write(Array(whole.dropLast(5)))
          left.endSending()
          let waiting = try HTTPClient.Connection(port: port)
          try waiting.write(Array(whole.dropLast(5)))
          return waiting.isClosedByServer()
        }
        #expect(isClosed)
        #expect(engine.requests.isEmpty)
        #expect(try await server.client.get("/health").status == 200)
      }
    }

    @Test func whatIsNotHTTPDoesNotHoldAConnection() async throws {
      try await TestServer.run { server, _ in
        let port = server.client.port
        let start = ContinuousClock.now
        let status = try await onOwnThread {
          let connection = try HTTPClient.Connection(port: port)
          // More than the system holds for a reader that has stopped reading.
          let rest = [UInt8](repeating: UInt8(ascii: "x"), count: 16 << 20)
          try? connection.write(Array("BREW / HTTP/1.1\r\n\r\n".utf8) + rest)
          return try? connection.readHead().status
        }
        #expect(status == nil || status == 400)
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(try await server.client.get("/health").status == 200)
      }
    }

    @Test func theEndWaitsForWhatRuns() async throws {
      try await TestServer.run(Self.slow) { settings in
        settings.graceSeconds = 600
      } _: { server, engine in
        let client = server.client
        async let answer = client.post("/v1/completions", #"{"prompt": "abc", "max_tokens": 20}"#)
        await eventually("the answer is begun") { engine.running == 1 }
        let ending = Task { await server.server.shutDown() }
        while try await client.get("/health").status == 200 {}
        let refused = try await client.post("/v1/completions", #"{"prompt": "a"}"#)
        #expect(refused.status == 503 && refused.headers["retry-after"] != nil)
        #expect(try await answer.status == 200)
        await ending.value
        await #expect(throws: (any Error).self) { try await client.get("/health") }
      }
    }

    @Test func afterTheTimeOfGraceWhatRunsIsEnded() async throws {
      var script = ScriptedEngine.Script()
      script.pause = .seconds(60)
      try await TestServer.run(script) { settings in
        settings.graceSeconds = 0.2
      } _: { server, engine in
        let client = server.client
        async let answer = client.post("/v1/completions", #"{"prompt": "abc"}"#)
        await eventually("the answer is begun") { engine.running == 1 }
        await server.server.shutDown()
        let status = try await answer.status
        #expect(status == 503)
        await eventually("the work is ended") { engine.running == 0 }
      }
    }

    @Test func aTakenPortIsNamed() async throws {
      try await TestServer.run { server, engine in
        var settings = ServerSettings()
        settings.port = server.client.port
        let second = ModelServer(
          try RequestHandler(models: [try TestServer.model(engine)], settings: settings))
        let error = await #expect(throws: InputError.self) { try await second.run { _ in } }
        #expect(error.map { "\($0)".contains("\(server.client.port)") } == true)
      }
    }

    @Test func eachRequestHasALine() async throws {
      try await TestServer.run { server, _ in
        _ = try await server.client.post("/v1/completions", #"{"prompt": "abc", "max_tokens": 3}"#)
        _ = try await server.client.get("/nothing?secret=1")
        await eventually("both lines are written") { server.lines.all.count == 2 }
        let lines = try server.lines.all.map { line in
          try Array(line.utf8).withUnsafeBytes { try JSONValue.object($0, source: "the log") }
        }
        #expect(lines[0]["path"] == .string("/v1/completions") && lines[0]["status"] == .integer(200))
        #expect(lines[0]["model"] == .string("counter") && lines[0]["completion_tokens"] == .integer(3))
        #expect(lines[0]["client"] == .string("127.0.0.1"))
        #expect(lines[1]["status"] == .integer(404) && !server.lines.all[1].contains("secret"))
      }
    }
  }
#endif
