#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Foundation
  import Testing

  @Suite struct RefusalTests {
    @Test(arguments: [
      ("", nil), ("{", nil), ("[]", nil), (#"{"prompt": "a"} x"#, nil),
      (#"{"prompt": "a", "prompt": "b"}"#, nil),
      (#"{"prompt": NaN}"#, nil), (#"{"prompt": "\u{1}"}"#, nil), ("{}", "prompt"),
      (#"{"prompt": 1}"#, "prompt"),
      (#"{"prompt": []}"#, "prompt"), (#"{"prompt": [[]]}"#, "prompt"), (#"{"prompt": ["a", 1]}"#, "prompt"),
      (#"{"prompt": [1, "a"]}"#, "prompt"), (#"{"prompt": [257]}"#, "prompt"),
      (#"{"prompt": [-1]}"#, "prompt"),
      (#"{"prompt": [1.5]}"#, "prompt"), (#"{"prompt": {"a": 1}}"#, "prompt"),
      (#"{"prompt": "a", "max_tokens": -1}"#, "max_tokens"),
      (#"{"prompt": "a", "max_tokens": "3"}"#, "max_tokens"),
      (#"{"prompt": "a", "max_tokens": 1e300}"#, "max_tokens"), (#"{"prompt": "a", "n": 0}"#, "n"),
      (#"{"prompt": "a", "n": 129}"#, "n"), (#"{"prompt": "a", "temperature": -0.1}"#, "temperature"),
      (#"{"prompt": "a", "temperature": 2.5}"#, "temperature"), (#"{"prompt": "a", "top_p": 0}"#, "top_p"),
      (#"{"prompt": "a", "top_p": 1.5}"#, "top_p"), (#"{"prompt": "a", "top_k": -2}"#, "top_k"),
      (#"{"prompt": "a", "min_p": 2}"#, "min_p"),
      (#"{"prompt": "a", "repetition_penalty": 0}"#, "repetition_penalty"),
      (#"{"prompt": "a", "presence_penalty": 3}"#, "presence_penalty"),
      (#"{"prompt": "a", "frequency_penalty": "x"}"#, "frequency_penalty"),
      (#"{"prompt": "a", "logprobs": 21}"#, "logprobs"), (#"{"prompt": "a", "logprobs": true}"#, "logprobs"),
      (#"{"prompt": "a", "echo": 1}"#, "echo"), (#"{"prompt": "a", "stop": [1]}"#, "stop"),
      (#"{"prompt": "a", "stop": ""}"#, "stop"), (#"{"prompt": "a", "stream": "yes"}"#, "stream"),
      (#"{"prompt": "a", "stream_options": {"include_usage": true}}"#, "stream_options"),
      (#"{"prompt": "a", "logit_bias": {"x": 1}}"#, "logit_bias"),
      (#"{"prompt": "a", "logit_bias": {"300": 1}}"#, "logit_bias"),
      (#"{"prompt": "a", "logit_bias": {"1": 101}}"#, "logit_bias"),
      (#"{"prompt": "a", "seed": "x"}"#, "seed"),
      (#"{"prompt": "a", "best_of": 3}"#, "best_of"), (#"{"prompt": "a", "suffix": "b"}"#, "suffix"),
      (#"{"prompt": "a", "tools": [{}]}"#, "tools"),
      (#"{"prompt": "a", "response_format": {"type": "json_object"}}"#, "response_format"),
      (#"{"prompt": "a", "model": 7}"#, "model"),
    ])
    func whatIsWrongIsNamed(body: String, parameter: String?) async throws {
      try await TestServer.run { server, engine in
        let reply = try await server.client.post("/v1/completions", body)
        #expect(reply.status == 400, "\(reply.text)")
        let error = try reply.json["error"]
        #expect(error["type"] == .string("invalid_request_error"))
        #expect(error["param"] == (parameter.map { .string($0) } ?? .null), "\(reply.text)")
        #expect(engine.requests.isEmpty)
      }
    }

    @Test func whatAsksForNothingIsAccepted() async throws {
      try await TestServer.run { server, _ in
        let reply = try await server.client.post(
          "/v1/completions",
          """
          {"prompt": "a", "max_tokens": null, "best_of": 1, "suffix": null, "logprobs": null, "user": 3,
           "tools": [],
           "response_format": {"type": "text"}, "stop": null, "logit_bias": {}, "n": 1.0}
          """)
        #expect(reply.status == 200, "\(reply.text)")
      }
    }

    @Test func whatThereIsNotIsNotFound() async throws {
      try await TestServer.run { server, _ in
        #expect(try await server.client.get("/v1/nothing").status == 404)
        #expect(
          try await server.client.get("/v1/models/nothing").json["error"]["code"]
            == .string("model_not_found"))
        let reply = try await server.client.post("/v1/completions", #"{"model": "other", "prompt": "a"}"#)
        #expect(reply.status == 404)
        #expect(reply.text.contains("counter"))
        let method = try await server.client.get("/v1/completions")
        #expect(method.status == 405 && method.headers["allow"] == "POST")
        #expect(try method.json["error"]["code"] == .string("method_not_allowed"))
      }
    }

    @Test func bodiesHaveALimit() async throws {
      try await TestServer.run { settings in
        settings.bodyBytes = 2_000
      } _: { server, _ in
        let long = #"{"prompt": "\#(String(repeating: "a", count: 3_000))"}"#
        let reply = try await server.client.post("/v1/completions", long)
        #expect(reply.status == 413)
        #expect(reply.text.contains("2000"))
        // The same without a length beforehand.
        let port = server.client.port
        let status = try await onOwnThread {
          let connection = try HTTPClient.Connection(port: port)
          try connection.write(
            Array("POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
          let chunk =
            Array("3e8\r\n".utf8) + Array(repeating: UInt8(ascii: " "), count: 1_000) + Array("\r\n".utf8)
          for _ in 0..<3 { try? connection.write(chunk) }
          return try connection.read().status
        }
        #expect(status == 413)
        #expect(try await server.client.get("/health").status == 200)
      }
    }

    @Test func promptsAndTokensHaveLimits() async throws {
      try await TestServer.run { settings in
        settings.promptTokens = 3
        settings.generatedTokens = 5
      } _: { server, engine in
        #expect(try await server.client.post("/v1/completions", #"{"prompt": [1, 2, 3, 4]}"#).status == 400)
        let reply = try await server.client.post(
          "/v1/completions", #"{"prompt": [1, 2, 3], "max_tokens": 6}"#)
        #expect(reply.status == 400)
        #expect(try reply.json["error"]["param"] == .string("max_tokens"))
        #expect(engine.requests.isEmpty)
      }
    }

    @Test(arguments: [
      (ServingError.queueFull(length: 4), 429), (.shutDown, 503),
      (.cannotFit(tokens: 9, neededBytes: 2_000, plannedBytes: 1_000), 400),
    ])
    func whatTheEngineRefusesHasItsStatus(error: ServingError, status: Int) async throws {
      var script = ScriptedEngine.Script()
      script.refusal = error
      try await TestServer.run(script) { server, _ in
        for stream in [true, false] {
          let reply = try await server.client.post(
            "/v1/completions", #"{"prompt": "a", "stream": \#(stream)}"#)
          #expect(reply.status == status)
          #expect((reply.headers["retry-after"] != nil) == (status != 400))
          #expect(try reply.json["error"]["message"].text.isEmpty == false)
        }
      }
    }

    @Test func answersHaveALimitOfNumberAndOfTime() async throws {
      var script = ScriptedEngine.Script()
      script.pause = .seconds(60)
      try await TestServer.run(script) { settings in
        settings.requests = 1
        settings.requestSeconds = 1
      } _: { server, engine in
        let client = server.client
        async let slow = client.post("/v1/completions", #"{"prompt": "a"}"#)
        await eventually("the first answer is begun") { engine.running == 1 }
        let second = try await client.post("/v1/completions", #"{"prompt": "a"}"#)
        #expect(second.status == 429 && second.headers["retry-after"] != nil)
        let first = try await slow
        #expect(first.status == 503)
        #expect(try first.json["error"]["code"] == .string("timeout"))
        await eventually("the work of the first has ended") { engine.running == 0 }
      }
    }

    @Test func aKeyIsNeededWhereThereAreKeys() async throws {
      let folder = try TemporaryFolder()
      let path = try folder.write("# the keys\nfirst-key\n\nsecond-key\n", to: "keys")
      try await TestServer.run { settings in
        settings.keys = try APIKeys(file: path)
      } _: { server, _ in
        for path in ["/health", "/", "/openapi.yaml"] {
          #expect(try await server.client.get(path).status == 200)
        }
        for value in [
          nil, "Bearer wrong", "first-key", "Bearer", "Bearer first-ke", "Bearer first-key2",
          "Basic first-key",
        ] {
          let reply = try await server.client.get(
            "/v1/models", headers: value.map { ["Authorization": $0] } ?? [:])
          #expect(reply.status == 401, "\(value ?? "none")")
          #expect(try reply.json["error"]["code"] == .string("invalid_api_key"))
          #expect(!reply.text.contains("first-key"))
        }
        for value in ["Bearer first-key", "bearer second-key"] {
          let reply = try await server.client.post(
            "/v1/completions", #"{"prompt": "a"}"#, headers: ["Authorization": value])
          #expect(reply.status == 200)
        }
      }
      for text in ["", "# only a remark\n", "two words\n"] {
        let path = try folder.write(text, to: "bad")
        #expect(throws: InputError.self) { try APIKeys(file: path) }
      }
    }

    @Test func pagesFromElsewhereNeedLeave() async throws {
      try await TestServer.run { settings in
        settings.allowedOrigins = ["https://good.example"]
      } _: { server, _ in
        let bad = try await server.client.post(
          "/v1/completions", #"{"prompt": "a"}"#, headers: ["Origin": "https://bad.example"])
        #expect(bad.status == 403 && bad.headers["access-control-allow-origin"] == nil)
        let good = try await server.client.post(
          "/v1/completions", #"{"prompt": "a"}"#, headers: ["Origin": "https://good.example"])
        #expect(good.status == 200 && good.headers["access-control-allow-origin"] == "https://good.example")
        let asked = try await server.client.send(
          "OPTIONS", "/v1/completions",
          headers: ["Origin": "https://good.example", "Access-Control-Request-Method": "POST"])
        #expect(asked.status == 204)
        #expect(asked.headers["access-control-allow-headers"]?.contains("Authorization") == true)
        let own = try await server.client.get("/health", headers: ["Origin": "http://localhost"])
        #expect(own.status == 200)
      }
    }

    @Test func tooManyTracesAtATimeAreRefused() async throws {
      try await TestServer.run { server, engine in
        let client = server.client
        let traces = (0..<4).map { _ in Task { try await client.post("/look/trace", #"{"text": "a"}"#) } }
        await eventually("four traces wait") { engine.tracing == 4 }
        let refused = try await client.post("/look/trace", #"{"text": "a"}"#)
        #expect(refused.status == 429 && refused.headers["retry-after"] != nil)
        engine.releaseTraces()
        for trace in traces {
          let answer = try await trace.value
          #expect(answer.status == 400)
        }
      }
    }
  }
#endif
