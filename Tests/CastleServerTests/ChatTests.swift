#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import Testing

  @Suite struct ChatTests {
    private static let body =
      #"{"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3, "temperature": 0 MORE}"#

    @Test func aConversationIsWrittenAsItsTemplateSays() async throws {
      try await TestServer.run(chatTemplate: "chatml") { server, engine in
        let json = try await server.client.post(
          "/v1/chat/completions", Self.body.replacing("MORE", with: "")
        ).json
        #expect(json["object"] == .string("chat.completion"))
        let choice = json["choices"][0]
        #expect(choice["message"]["role"] == .string("assistant"))
        #expect(choice["message"]["content"] == .string("\u{b}\u{c}\r"))
        let prompt = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        #expect(engine.requests.first?.prompt == prompt.utf8.map { Int32($0) })
      }
    }

    @Test func aStreamBeginsWithTheRole() async throws {
      try await TestServer.run(chatTemplate: "plain") { server, _ in
        let reply = try await server.client.post(
          "/v1/chat/completions", Self.body.replacing("MORE", with: #", "stream": true"#))
        let deltas = try reply.chunks.map { $0["choices"][0]["delta"] }
        #expect(deltas.first?["role"] == .string("assistant"))
        #expect(deltas.first?["content"] == .string(""))
        #expect(deltas.dropFirst().allSatisfy { $0["role"] == .null })
        #expect(deltas.last == .object([:]))
        #expect(try reply.chunks.allSatisfy { $0["object"] == .string("chat.completion.chunk") })
      }
    }

    @Test func logProbabilitiesHaveTheChatForm() async throws {
      try await TestServer.run(chatTemplate: "plain") { server, _ in
        let json = try await server.client.post(
          "/v1/chat/completions",
          Self.body.replacing("MORE", with: #", "logprobs": true, "top_logprobs": 2"#)
        ).json
        let content = json["choices"][0]["logprobs"]["content"]
        #expect(content[0]["token"] == .string(";") && content[0]["bytes"].text == "[59]")
        #expect(content[0]["top_logprobs"][1]["token"] == .string("B"))
        #expect(content[2]["logprob"] != .null && content[3] == .null)
      }
    }

    @Test func aModelWithoutATemplateSaysSo() async throws {
      try await TestServer.run { server, _ in
        let reply = try await server.client.post(
          "/v1/chat/completions", Self.body.replacing("MORE", with: ""))
        #expect(reply.status == 400)
        #expect(try reply.json["error"]["code"] == .string("chat_template_missing"))
        #expect(reply.text.contains("/v1/completions"))
      }
    }

    private static let chatML = """
      {%- for message in messages -%}
          {{- '<|im_start|>' + message.role + "\\n" + message.content + '<|im_end|>' + '\\n' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
          {{- '<|im_start|>assistant\\n' -}}
      {%- endif -%}
      """
    private static let llama3 =
      "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
      + "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + "
      + "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ "
      + "content }}{% endfor %}{% if add_generation_prompt %}{{ "
      + "'<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"

    @Test(arguments: [
      (chatML, "<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n"),
      (
        llama3,
        "<|begin|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
          + "<|start_header_id|>assistant<|end_header_id|>\n\n"
      ),
      (llama3.replacing("| trim", with: "| upper"), nil),
      (chatML.replacing("'<|im_end|>'", with: "' <|im_end|>'"), nil),
      (chatML.replacing("{%- endfor -%}", with: "\n\nx{%- endfor -%}"), nil),
    ])
    func aFoldersTemplateIsKnownOrRefused(template: String, text: String?) async throws {
      let folder = try TemporaryFolder()
      let settings = JSONValue.Members([
        ("chat_template", .string(template)), ("bos_token", .string("<|begin|>")),
      ])
      try folder.write(settings.text, to: "tokenizer_config.json")
      let engine = ScriptedEngine()
      try await TestServer.run([try TestServer.model(engine, folder: folder.path)]) { server in
        let reply = try await server.client.post(
          "/v1/chat/completions", #"{"messages": [{"role": "user", "content": " hi "}], "max_tokens": 1}"#)
        if let text {
          #expect(reply.status == 200, "\(reply.text)")
          #expect(engine.requests.first?.prompt == text.utf8.map { Int32($0) })
        } else {
          #expect(reply.status == 400)
          #expect(try reply.json["error"]["code"] == .string("chat_template_unsupported"))
        }
      }
    }

    @Test func templateFilesMayHaveLineBreaks() async throws {
      let folder = try TemporaryFolder()
      try folder.write(
        """
        {% for message in messages %}
        {{ message['role'] + ': ' + message['content'] + '\\n' }}
        {%- endfor %}
        {% if add_generation_prompt %}
        {{ 'assistant:' }}
        {%- endif %}
        """, to: "chat_template.jinja")
      let engine = ScriptedEngine()
      try await TestServer.run([try TestServer.model(engine, folder: folder.path)]) { server in
        let reply = try await server.client.post(
          "/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 1}"#)
        #expect(reply.status == 200, "\(reply.text)")
        #expect(engine.requests.first?.prompt == "user: a\nassistant:".utf8.map { Int32($0) })
      }
    }
  }
#endif
