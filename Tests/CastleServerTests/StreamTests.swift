#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Testing

  @Suite struct StreamTests {
    @Test func aStreamHasTheTextOfTheWholeAnswer() async throws {
      try await TestServer.run { server, _ in
        let body =
          #"{"prompt": ["abc", "hij"], "n": 2, "max_tokens": 6, "stop": "zz", "logprobs": 2, "#
          + #""stream": STREAM}"#
        let whole = try await server.client.post(
          "/v1/completions", body.replacing("STREAM", with: "false")
        ).json
        let reply = try await server.client.post("/v1/completions", body.replacing("STREAM", with: "true"))
        #expect(reply.headers["content-type"] == "text/event-stream; charset=utf-8")
        #expect(reply.events.last == "[DONE]")
        let chunks = try reply.chunks
        #expect(Set(chunks.map { $0["id"] }).count == 1)
        for index in 0..<4 {
          let pieces = chunks.map { $0["choices"][0] }.filter { $0["index"] == .integer(index) }
          #expect(text(pieces, "text") == whole["choices"][index]["text"])
          let tokens = pieces.flatMap { piece -> [JSONValue] in
            if case .list(let values) = piece["logprobs"]["token_logprobs"] { return values }
            return []
          }
          #expect(.list(tokens) == whole["choices"][index]["logprobs"]["token_logprobs"])
          #expect(pieces.dropLast().allSatisfy { $0["finish_reason"] == .null })
          #expect(pieces.last?["finish_reason"] == .string("length"))
        }
      }
    }

    @Test func theLastChunkHasTheUsageIfWanted() async throws {
      try await TestServer.run { server, _ in
        let chunks = try await server.client.post(
          "/v1/completions",
          #"{"prompt": "abc", "max_tokens": 3, "stream": true, "stream_options": {"include_usage": true}}"#
        ).chunks
        #expect(chunks.last?["choices"] == .list([]))
        #expect(chunks.last?["usage"]["completion_tokens"] == .integer(3))
        for chunk in chunks.dropLast() {
          guard case .object(let members) = chunk else { throw HTTPClient.Failure(description: chunk.text) }
          #expect(members["usage"] == .null)
        }
        let without = try await server.client.post(
          "/v1/completions", #"{"prompt": "abc", "max_tokens": 3, "stream": true}"#
        ).chunks
        for chunk in without { #expect(chunk["usage"] == .null && !chunk.text.contains("usage")) }
      }
    }

    @Test func anEchoComesFirst() async throws {
      try await TestServer.run { server, _ in
        let chunks = try await server.client.post(
          "/v1/completions", #"{"prompt": "ab", "max_tokens": 2, "echo": true, "stream": true}"#
        ).chunks
        #expect(text(chunks.map { $0["choices"][0] }, "text") == .string("abcd"))
        #expect(chunks.first?["choices"][0]["text"] == .string("ab"))
      }
    }

    @Test func aFailureInAStreamIsItsLastEvent() async throws {
      var script = ScriptedEngine.Script()
      script.failure = (after: 2, error: .shutDown)
      try await TestServer.run(script) { server, _ in
        let reply = try await server.client.post(
          "/v1/completions", #"{"prompt": "abc", "max_tokens": 9, "stream": true}"#)
        #expect(reply.status == 200)
        let chunks = try reply.chunks
        #expect(text(chunks.map { $0["choices"][0] }, "text") == .string("de"))
        #expect(chunks.last?["error"]["code"] == .string("shutting_down"))
        #expect(reply.events.last != "[DONE]")
        let whole = try await server.client.post("/v1/completions", #"{"prompt": "abc", "max_tokens": 9}"#)
        #expect(whole.status == 503 && whole.headers["retry-after"] != nil)
      }
    }

    @Test func aConnectionIsUsedAgain() async throws {
      try await TestServer.run { server, _ in
        let port = server.client.port
        try await onOwnThread {
          let connection = try HTTPClient.Connection(port: port)
          for stream in ["true", "false", "true"] {
            let body = Array(#"{"prompt": "abc", "max_tokens": 3, "stream": \#(stream)}"#.utf8)
            try connection.write(HTTPClient.request("POST", "/v1/completions", body: body))
            #expect(try connection.read().status == 200)
          }
        }
      }
    }

    private func text(_ pieces: [JSONValue], _ key: String) -> JSONValue {
      .string(
        pieces.map { piece in if case .string(let text) = piece[key] { text } else { "" } }.joined())
    }
  }
#endif
