#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Foundation
  import Testing

  /// A real model behind the server.
  @Suite struct ModelTests {
    @Test func logProbabilitiesAreThoseOfTheModel() async throws {
      let prompt: [Int32] = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100]
      let logits = try TinyModel.weights().logits(prompt)
      try await TestServer.run([try TinyModel().served]) { server in
        let json = try await server.client.post(
          "/v1/completions",
          #"{"prompt": [\#(prompt)], "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0}"#
        ).json
        let scores = json["choices"][0]["logprobs"]
        #expect(scores["token_logprobs"][0] == .null && scores["top_logprobs"][0] == .null)
        for place in 1..<prompt.count {
          let row = logits[(place - 1) * 257..<place * 257].map(Double.init)
          let total = row.map { exp($0) }.reduce(0, +)
          let expected = row[Int(prompt[place])] - log(total)
          guard case .number(let own) = scores["token_logprobs"][place],
            case .object(let top) = scores["top_logprobs"][place]
          else {
            Issue.record("no numbers at \(place)")
            continue
          }
          #expect(abs(own - expected) < 1e-4)
          let best =
            top.compactMap { if case .number(let value) = $0.value { value } else { nil } }.max() ?? 0
          #expect(abs(best - (row.max()! - log(total))) < 1e-4)
          // What is greedy is seen by comparing the two numbers.
          #expect((best == own) == (row.firstIndex(of: row.max()!) == Int(prompt[place])))
        }
        #expect(scores["tokens"].text.contains("bytes") || scores["tokens"][prompt.count] != .null)
      }
    }

    @Test func theSameSeedWritesTheSameTextAloneAndAmongOthers() async throws {
      try await TestServer.run([try TinyModel().served]) { server in
        let client = server.client
        @Sendable func tokens(seed: Int, stream: Bool) async throws -> [JSONValue] {
          let reply = try await client.post(
            "/v1/completions",
            #"{"prompt": "To be", "max_tokens": 40, "seed": \#(seed), "logprobs": 2, "ignore_eos": true, "#
              + #""return_token_ids": true, "stream": \#(stream)}"#
          )
          let pieces = stream ? try reply.chunks : [try reply.json]
          return pieces.flatMap { piece -> [JSONValue] in
            guard case .list(let ids) = piece["choices"][0]["token_ids"],
              case .list(let scores) = piece["choices"][0]["logprobs"]["token_logprobs"]
            else { return [] }
            return zip(ids, scores).flatMap { [$0, $1] }
          }
        }
        let alone = try await tokens(seed: 3, stream: false)
        #expect(alone.count == 80)
        try await withThrowingTaskGroup(of: (Int, [JSONValue]).self) { group in
          for number in 0..<12 {
            let seed = number % 3 == 0 ? 3 : number
            group.addTask { (seed, try await tokens(seed: seed, stream: number % 2 == 0)) }
          }
          for try await (seed, tokens) in group {
            #expect(tokens.count == 80)
            #expect((tokens == alone) == (seed == 3))
          }
        }
      }
    }

    @Test func greedyTextDoesNotDependOnTheSeed() async throws {
      try await TestServer.run([try TinyModel().served]) { server in
        var texts: Set<JSONValue> = []
        for seed in 0..<3 {
          let json = try await server.client.post(
            "/v1/completions", #"{"prompt": "a", "max_tokens": 20, "temperature": 0, "seed": \#(seed)}"#
          ).json
          texts.insert(json["choices"][0]["text"])
        }
        #expect(texts.count == 1)
      }
    }

    @Test func aClientThatGoesAwayFreesItsRoom() async throws {
      let model = try TinyModel(settings: ServingSettings(cacheMemory: .sequences(1)))
      let engine = model.engine
      try await TestServer.run([model.served]) { server in
        let port = server.client.port
        for _ in 0..<5 {
          try await onOwnThread {
            let connection = try HTTPClient.Connection(port: port)
            let body = Array(#"{"prompt": "a", "max_tokens": 100, "ignore_eos": true, "stream": true}"#.utf8)
            try connection.write(HTTPClient.request("POST", "/v1/completions", body: body))
            _ = try connection.readHead()
            _ = try connection.readChunk()
          }
        }
        #expect(try await server.client.post("/v1/completions", #"{"prompt": "a"}"#).status == 200)
        await eventually("nothing runs") { engine.statistics.running == 0 && engine.statistics.queued == 0 }
        #expect(engine.statistics.reservedBytes == 0)
        #expect(
          try await server.client.get("/metrics").text.contains(#"castle_requests_running{model="tiny"} 0"#))
      }
    }

    /// The page asks for it while texts are written.
    @Test func attentionIsTracedBetweenSteps() async throws {
      try await TestServer.run([try TinyModel().served]) { server in
        let schema = try Schema(yaml: try await server.client.get("/openapi.yaml").text)
        #expect(try await server.client.get("/look").text.hasPrefix("<!doctype html>"))
        let answer = try await server.client.post("/look/trace", #"{"text": "Hello", "layer": 0, "head": 0}"#)
        #expect(answer.status == 200)
        let problems = schema.problems(try answer.json, "Trace")
        #expect(problems == [])
        let refused = try await server.client.post("/look/trace", #"{"text": "Hello", "layer": 99}"#)
        #expect(refused.status == 400)
        let message = try refused.json["error"]["message"].text
        #expect(message.contains("99"))
      }
    }
  }
#endif
