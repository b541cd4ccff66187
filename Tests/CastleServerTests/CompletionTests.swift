#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Testing

  @Suite struct CompletionTests {
    private func choice(_ answer: JSONValue, _ index: Int = 0) -> JSONValue { answer["choices"][index] }

    @Test func aPromptIsContinued() async throws {
      try await TestServer.run { server, engine in
        let reply = try await server.client.post(
          "/v1/completions", #"{"model": "counter", "prompt": "abc", "max_tokens": 4, "seed": 7}"#)
        #expect(reply.status == 200)
        let json = try reply.json
        #expect(json["object"] == .string("text_completion"))
        #expect(json["model"] == .string("counter"))
        #expect(
          json["choices"].sortedText
            == #"[{"finish_reason":"length","index":0,"logprobs":null,"text":"defg"}]"#)
        // The tokenizer puts <|endoftext|> before a text.
        #expect(
          json["usage"].sortedText
            == #"{"completion_tokens":4,"prompt_tokens":4,"prompt_tokens_details":{"cached_tokens":0},"#
            + #""total_tokens":8}"#
        )
        let request = try #require(engine.requests.first)
        #expect(request.prompt == [256, 97, 98, 99])
        #expect(request.sampling.seed == 7)
        #expect(request.sampling.temperature == 1)
        #expect(request.endTokens == [256])
      }
    }

    @Test func promptsComeInFourForms() async throws {
      try await TestServer.run { server, engine in
        for (prompt, texts) in [
          (#""ab""#, ["cd"]), (#"["ab", "x"]"#, ["cd", "yz"]), ("[97, 98]", ["cd"]),
          ("[[97], [98, 99]]", ["bc", "de"]),
        ] {
          let json = try await server.client.post(
            "/v1/completions", #"{"prompt": \#(prompt), "max_tokens": 2}"#
          ).json
          guard case .list(let choices) = json["choices"] else {
            throw HTTPClient.Failure(description: json.text)
          }
          #expect(choices.map { $0["text"] } == texts.map { .string($0) })
          #expect(choices.map { $0["index"] } == texts.indices.map { .integer($0) })
        }
        // Nothing is put before ids.
        #expect(engine.requests.last?.prompt.first != 256)
      }
    }

    @Test func choicesOfAPromptHaveSeedsOfTheirOwn() async throws {
      try await TestServer.run { server, engine in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": ["a", "b"], "n": 3, "max_tokens": 1, "seed": -1}"#
        ).json
        guard case .list(let choices) = json["choices"] else {
          throw HTTPClient.Failure(description: json.text)
        }
        #expect(choices.map { $0["text"] } == ["b", "b", "b", "c", "c", "c"].map { .string($0) })
        let seeds = Set(engine.requests.map(\.sampling.seed))
        #expect(seeds == [.max, 0, 1])
        #expect(json["usage"]["prompt_tokens"] == .integer(4))
        #expect(json["usage"]["completion_tokens"] == .integer(6))
      }
    }

    @Test func allSettingsReachTheEngine() async throws {
      try await TestServer.run { server, engine in
        let reply = try await server.client.post(
          "/v1/completions",
          """
          {"prompt": "a", "max_tokens": 3, "temperature": 0.5, "top_p": 0.25, "top_k": 7, "min_p": 0.125,
           "repetition_penalty": 1.5, "presence_penalty": -1, "frequency_penalty": 2, "seed": 11,
           "logit_bias": {"65": 100, "66": -0.5}, "stop_token_ids": [10], "user": "someone",
           "unknown": {"x": [1]}}
          """)
        #expect(reply.status == 200, "\(reply.text)")
        let request = try #require(engine.requests.first)
        let sampling = request.sampling
        #expect(sampling.temperature == 0.5 && sampling.topP == 0.25 && sampling.topK == 7)
        #expect(sampling.minP == 0.125 && sampling.repetitionPenalty == 1.5 && sampling.seed == 11)
        #expect(sampling.presencePenalty == -1 && sampling.frequencyPenalty == 2)
        #expect(sampling.logitBias == [65: 100, 66: -0.5])
        #expect(request.endTokens == [10, 256])
        #expect(request.maximumTokens == 3 && request.alternatives == nil && !request.scoresPrompt)
      }
    }

    @Test(arguments: [#""fg""#, #"["zzz", "fg", "gh"]"#])
    func aTextEndsBeforeAStop(stop: String) async throws {
      var script = ScriptedEngine.Script()
      script.pause = .milliseconds(1)
      try await TestServer.run(script) { server, engine in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": "abc", "max_tokens": 100, "stop": \#(stop)}"#
        ).json
        #expect(choice(json)["text"] == .string("de"))
        #expect(choice(json)["finish_reason"] == .string("stop"))
        await eventually("the engine is told that nothing more is wanted") { engine.running == 0 }
        #expect(engine.tokens < 100)
      }
    }

    @Test func anEndTokenEndsATextAndIsNoPartOfIt() async throws {
      var script = ScriptedEngine.Script()
      script.token = { _, place in place == 2 ? 256 : 120 }
      try await TestServer.run(script) { server, engine in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": "a", "max_tokens": 9, "logprobs": 0}"#
        ).json
        #expect(choice(json)["text"] == .string("xx"))
        #expect(choice(json)["finish_reason"] == .string("stop"))
        // Its log-probability is there all the same.
        #expect(choice(json)["logprobs"]["tokens"].text == #"["x","x","<|endoftext|>"]"#)
        #expect(json["usage"]["completion_tokens"] == .integer(3))
        let ignoring = try await server.client.post(
          "/v1/completions", #"{"prompt": "a", "max_tokens": 4, "ignore_eos": true}"#
        ).json
        #expect(choice(ignoring)["text"] == .string("xx<|endoftext|>x"))
      }
    }

    @Test func whatTheHarnessAsksForIsExact() async throws {
      try await TestServer.run { server, engine in
        let json = try await server.client.post(
          "/v1/completions",
          #"{"prompt": [[97, 98, 99]], "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0}"#
        ).json
        let scores = choice(json)["logprobs"]
        #expect(choice(json)["text"] == .string("abcd"))
        #expect(scores["tokens"].text == #"["a","b","c","d"]"#)
        #expect(
          scores["token_logprobs"] == .list([.null, .number(-6.1875), .number(-6.25), .number(-6.3125)]))
        #expect(
          scores["top_logprobs"]
            == .list(
              [.null]
                + [("b", -6.1875), ("c", -6.25), ("d", -6.3125)].map {
                  .object(["A": .number(-0.25), $0: .number($1)])
                }))
        #expect(scores["text_offset"].text == "[0,1,2,3]")
        let request = try #require(engine.requests.first)
        #expect(request.prompt == [97, 98, 99] && request.scoresPrompt && request.alternatives == 1)
      }
    }

    @Test func nothingIsGeneratedWhereOnlyThePromptIsAskedFor() async throws {
      try await TestServer.run { server, _ in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": [97, 98], "echo": true, "logprobs": 2, "max_tokens": 0}"#
        ).json
        #expect(choice(json)["text"] == .string("ab"))
        #expect(choice(json)["finish_reason"] == .string("length"))
        #expect(choice(json)["logprobs"]["tokens"].text == #"["a","b"]"#)
        #expect(json["usage"]["completion_tokens"] == .integer(0))
      }
    }

    @Test func noNumberIsInfinite() async throws {
      var script = ScriptedEngine.Script()
      script.logProbability = { _ in -.infinity }
      script.alternatives = [
        .init(token: 65, logProbability: -0), .init(token: 66, logProbability: -.infinity),
      ]
      try await TestServer.run(script) { server, _ in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": "ab", "echo": true, "logprobs": 2, "max_tokens": 1}"#
        ).json
        let scores = choice(json)["logprobs"]
        #expect(
          scores["token_logprobs"].text == "[null,-9999,-9999,-9999]"
            || scores["token_logprobs"].text == "[null,-9999.0,-9999.0,-9999.0]")
        #expect(scores["top_logprobs"][3]["B"] == .number(-9999))
      }
    }

    @Test func bytesThatAreNoTextAreSpelledAndMakeTextTogether() async throws {
      let bytes = Array("é✓".utf8)
      var script = ScriptedEngine.Script()
      script.token = { _, place in Int32(bytes[place]) }
      try await TestServer.run(script) { server, _ in
        let body = #"{"prompt": "a", "logprobs": 0, "max_tokens": 5, "stream": STREAM}"#
        let json = try await server.client.post(
          "/v1/completions", body.replacing("STREAM", with: "false")
        ).json
        #expect(choice(json)["text"] == .string("é✓"))
        let tokens = choice(json)["logprobs"]["tokens"]
        #expect(tokens[0] == .string("bytes:\\xc3") && tokens[4] == .string("bytes:\\x93"))
        #expect(choice(json)["logprobs"]["text_offset"].text == "[0,0,1,1,1]")
        let chunks = try await server.client.post(
          "/v1/completions", body.replacing("STREAM", with: "true")
        ).chunks
        let texts = chunks.map { choice($0)["text"] }
        #expect(texts.contains(.string("é")) && texts.contains(.string("✓")))
      }
    }

    @Test func ofTokensWithOneTextTheMostProbableCounts() async throws {
      var script = ScriptedEngine.Script()
      // Two tokens of one text: the byte a, and a token that is added.
      script.token = { _, _ in 97 }
      script.logProbability = { _ in -3 }
      script.alternatives = [.init(token: 97, logProbability: -1), .init(token: 98, logProbability: -2)]
      try await TestServer.run(script) { server, _ in
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": "x", "logprobs": 2, "max_tokens": 1}"#
        ).json
        #expect(choice(json)["logprobs"]["top_logprobs"][0]["a"] == .number(-1))
      }
    }

    @Test func idsComeWithTheirAlternativesIfWanted() async throws {
      try await TestServer.run { server, _ in
        let json = try await server.client.post(
          "/v1/completions",
          #"{"prompt": "ab", "logprobs": 1, "max_tokens": 2, "echo": true, "return_token_ids": true}"#
        ).json
        #expect(choice(json)["token_ids"].text == "[99,100]")
        #expect(choice(json)["prompt_token_ids"].text == "[256,97,98]")
        guard case .list(let alternatives) = choice(json)["alternatives"] else {
          throw HTTPClient.Failure(description: json.text)
        }
        #expect(alternatives.count == 5 && alternatives[0] == .list([]))
        #expect(alternatives[4][0]["id"] == .integer(65) && alternatives[4][0]["token"] == .string("A"))
      }
    }

    @Test func aLongPromptIsRefusedAndManyTokensAreAsManyAsFit() async throws {
      try await TestServer.run { server, engine in
        let long = "[" + Array(repeating: "97", count: 129).joined(separator: ",") + "]"
        let reply = try await server.client.post("/v1/completions", #"{"prompt": \#(long)}"#)
        #expect(reply.status == 400)
        #expect(try reply.json["error"]["code"] == .string("context_length_exceeded"))
        #expect(try reply.json["error"]["message"].text.contains("129") == true)
        let full = "[" + Array(repeating: "97", count: 128).joined(separator: ",") + "]"
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": \#(full), "max_tokens": 50}"#
        ).json
        #expect(json["usage"]["completion_tokens"] == .integer(1))
        #expect(engine.requests.last?.maximumTokens == 1)
      }
    }

    @Test func manyPromptsDoNotFillTheEngine() async throws {
      var script = ScriptedEngine.Script()
      script.pause = .milliseconds(1)
      try await TestServer.run(script) { server, engine in
        let prompts = (0..<200).map { "[\($0 % 100)]" }.joined(separator: ",")
        let json = try await server.client.post(
          "/v1/completions", #"{"prompt": [\#(prompts)], "max_tokens": 1}"#
        ).json
        guard case .list(let choices) = json["choices"] else {
          throw HTTPClient.Failure(description: json.text)
        }
        #expect(choices.count == 200)
        #expect(engine.mostRunning <= 20)
      }
    }
  }

  extension JSONValue {
    /// An element of a list; null for anything else.
    subscript(index: Int) -> JSONValue {
      if case .list(let values) = self, values.indices.contains(index) { return values[index] }
      return .null
    }
  }
#endif
