#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Testing

  /// The answers have the forms that `openapi.yaml` describes.
  @Suite struct InterfaceTests {
    private func schema(_ server: TestServer) async throws -> Schema {
      try Schema(yaml: try await server.client.get("/openapi.yaml").text)
    }

    @Test func answersHaveTheFormsDescribed() async throws {
      try await TestServer.run(chatTemplate: "plain") { server, _ in
        let schema = try await schema(server)
        let client = server.client
        for more in [
          "", #", "logprobs": 3"#, #", "echo": true, "logprobs": 0"#, #", "n": 2, "stop": "f""#,
          #", "logprobs": 2, "return_token_ids": true, "echo": true"#,
        ] {
          let body = #"{"prompt": "abc", "max_tokens": 4\#(more), "stream": STREAM}"#
          let whole = try await client.post("/v1/completions", body.replacing("STREAM", with: "false")).json
          #expect(schema.problems(whole, "Completion") == [])
          #expect(whole["usage"] != .null)
          for chunk in try await client.post("/v1/completions", body.replacing("STREAM", with: "true")).chunks
          {
            #expect(schema.problems(chunk, "Completion") == [])
          }
        }
        for more in ["", #", "logprobs": true, "top_logprobs": 2"#, #", "n": 2, "return_token_ids": true"#] {
          let body =
            #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 4\#(more), "stream": STREAM}"#
          let whole = try await client.post("/v1/chat/completions", body.replacing("STREAM", with: "false"))
            .json
          #expect(schema.problems(whole, "ChatCompletion") == [])
          for chunk in try await client.post(
            "/v1/chat/completions", body.replacing("STREAM", with: "true")
          ).chunks {
            #expect(schema.problems(chunk, "ChatChunk") == [])
          }
        }
        for (path, name) in [
          ("/v1/models", "ModelList"), ("/v1/models/counter", "Model"), ("/health", "Health"),
          ("/tokenizer_info", "TokenizerInfo"), ("/nothing", "Failure"),
        ] {
          #expect(schema.problems(try await client.get(path).json, name) == [])
        }
        for (path, body, name) in [
          ("/tokenize", #"{"prompt": "abc", "return_token_strs": true}"#, "Tokens"),
          ("/tokenize", #"{"messages": [{"role": "user", "content": "a"}]}"#, "Tokens"),
          ("/detokenize", #"{"tokens": [97, 98]}"#, "Text"), ("/v1/completions", "{", "Failure"),
        ] {
          #expect(schema.problems(try await client.post(path, body).json, name) == [])
        }
      }
    }

    @Test func everyPathDescribedIsThere() async throws {
      try await TestServer.run { server, _ in
        let operations = try await schema(server).operations
        #expect(operations.count == 12)
        for (path, method) in operations {
          let reply = try await server.client.send(
            method, path.replacing("{id}", with: "counter"), body: method == "POST" ? Array("{}".utf8) : nil)
          #expect(reply.status == (method == "POST" ? 400 : 200), "\(method) \(path)")
          let other = try await server.client.send(method == "POST" ? "GET" : "DELETE", path)
          #expect(other.status == 405, "\(path)")
        }
      }
    }

    @Test func textsBecomeIDsAndComeBack() async throws {
      try await TestServer.run { server, _ in
        let client = server.client
        let with = try await client.post("/tokenize", #"{"prompt": "aé"}"#).json
        #expect(with["tokens"].text == "[256,97,195,169]" && with["count"] == .integer(4))
        let without = try await client.post("/tokenize", #"{"prompt": "aé", "add_special_tokens": false}"#)
          .json
        #expect(without["tokens"].text == "[97,195,169]")
        #expect(
          try await client.post("/detokenize", #"{"tokens": [97,195,169]}"#).json["prompt"] == .string("aé"))
        #expect(try await client.post("/detokenize", #"{"tokens": [257]}"#).status == 400)
        let info = try await client.get("/tokenizer_info").json
        #expect(info["eos_token"] == .string("<|endoftext|>") && info["model_max_length"] == .integer(128))
      }
    }

    @Test func metricsCountWhatWasDone() async throws {
      try await TestServer.run { server, _ in
        _ = try await server.client.post("/v1/completions", #"{"prompt": "a", "max_tokens": 3}"#)
        let reply = try await server.client.get("/metrics")
        #expect(reply.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        for line in [
          #"castle_requests_total{path="/v1/completions",status="200"} 1"#,
          "castle_time_to_first_token_seconds_count 1", "castle_time_between_tokens_seconds_count 2",
          "castle_answer_seconds_count 1", #"castle_answer_seconds_bucket{le="+Inf"} 1"#,
        ] { #expect(reply.text.contains(line + "\n"), "\(line)") }
      }
    }

    @Test func pagesAreServedWholeAndHeadsAlone() async throws {
      let model = try TestServer.model(ScriptedEngine())
      try await TestServer.run([model], pages: ["/extra": Array("<p>more".utf8)]) { server in
        let page = try await server.client.get("/")
        #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.text.hasPrefix("<!doctype html>") && !page.text.contains("https://"))
        #expect(try await server.client.get("/extra").text == "<p>more")
        #expect(try await server.client.get("/health").json["pages"].text == #"["/extra","/look"]"#)
        let port = server.client.port
        let length = try await onOwnThread {
          let connection = try HTTPClient.Connection(port: port)
          try connection.write(HTTPClient.request("HEAD", "/"))
          let head = try connection.readHead()
          try connection.write(HTTPClient.request("GET", "/health"))
          #expect(try connection.read().status == 200)
          return head.headers["content-length"]
        }
        #expect(length == String(page.body.count))
      }
    }

    @Test func modelsAreFoundByName() async throws {
      let (first, second) = (ScriptedEngine(), ScriptedEngine())
      let models = [
        try TestServer.model(first, name: "one"), try TestServer.model(second, name: "group/two"),
      ]
      try await TestServer.run(models) { server in
        let list = try await server.client.get("/v1/models").json["data"]
        #expect(list[0]["id"] == .string("one") && list[1]["id"] == .string("group/two"))
        #expect(try await server.client.get("/v1/models/group%2Ftwo").status == 200)
        #expect(try await server.client.get("/v1/models/group/two").status == 200)
        _ = try await server.client.post("/v1/completions", #"{"model": "group/two", "prompt": "a"}"#)
        #expect(first.requests.isEmpty && second.requests.count == 1)
      }
      #expect(throws: InputError.self) {
        try RequestHandler(models: models + models, settings: ServerSettings())
      }
      #expect(throws: InputError.self) { try RequestHandler(models: [], settings: ServerSettings()) }
      #expect(ServedModel.name(forFolder: "runs/first/model") == "first")
      #expect(ServedModel.name(forFolder: "models/small/") == "small")
    }
  }
#endif
