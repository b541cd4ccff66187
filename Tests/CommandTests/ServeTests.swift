#if Server
  import CastleFormats
  import CastleMeasurement
  import Foundation
  import Testing

  /// The built program as a server.
  @Suite struct ServeTests {
    /// Starts a server of the tiny model at a free port and returns a client of it.
    private func start(_ more: [String] = []) throws -> (run: BackgroundRun, client: HTTPClient) {
      let run = try BackgroundRun(
        ["serve", "--model", try TinyModel.shared.get().model, "--port", "0", "--threads", "1"] + more)
      var address: String?
      run.wait(for: "the server to listen") {
        let lines = run.errorOutput.split(separator: "\n")
        address = lines.first { $0.hasPrefix("listening on ") && run.errorOutput.hasSuffix("\n") }
          .map { String($0.dropFirst(13)) }
        return address != nil
      }
      let port = try #require(address.flatMap { URL(string: $0)?.port }, "\(run.errorOutput)")
      return (run, HTTPClient(port: port))
    }

    @Test func aModelIsServedUntilItIsToldToEnd() async throws {
      let (run, client) = try start()
      #expect(try await client.get("/health").status == 200)
      let body = #"{"prompt": "Line 1", "max_tokens": 8, "temperature": 0, "ignore_eos": true}"#
      let first = try await client.post("/v1/completions", body)
      #expect(first.status == 200 && first.text.contains(#""completion_tokens":8"#), "\(first.text)")
      let stream = try await client.post("/v1/completions", body.dropLast() + #", "stream": true}"#)
      #expect(stream.events.last == "[DONE]")
      #expect(try await client.get("/").text.contains("<!doctype html>"))
      #expect(try await client.get("/v1/models").text.contains(#""id":"run""#))
      run.signal(SIGTERM)
      let result = try run.end()
      #expect(result.exitCode == 0 && !result.wasKilled, "\(result.errorOutput)")
      #expect(result.errorLines == [])
    }

    @Test func textOnTheServerIsThatOfGenerate() async throws {
      let model = try TinyModel.shared.get().model
      let (run, client) = try start()
      let text = try CastleProcess.output([
        "generate", "--model", model, "--prompt", "Line 1", "--max-tokens", "12", "--temperature", "0",
        "--threads", "1",
      ])
      let body = #"{"prompt": "Line 1", "max_tokens": 12, "temperature": 0}"#
      let served = try await client.post("/v1/completions", body).json
      guard case .list(let choices) = served["choices"] else {
        throw HTTPClient.Failure(description: served.text)
      }
      #expect(choices.first?["text"] == .string(String(text.dropLast())))
      run.signal(SIGINT)
      #expect(try run.end().exitCode == 0)
    }

    @Test func aSecondSignalEndsAtOnce() async throws {
      let (run, client) = try start()
      let answer = Task {
        try await client.post(
          "/v1/completions",
          #"{"prompt": "Line 1", "n": 128, "max_tokens": 100000, "ignore_eos": true}"#)
      }
      var isRunning = false
      while !isRunning {
        isRunning = try await client.get("/metrics").text.contains(#"castle_requests_running{model="run"} 1"#)
      }
      run.signal(SIGTERM)
      run.wait(for: "the first signal to be heard") { run.errorOutput.contains("ending") }
      // Within a second it would be a repetition of the first.
      let later = Date(timeIntervalSinceNow: 1.1)
      run.wait(for: "a second") { Date() >= later }
      run.signal(SIGINT)
      let result = try run.end()
      #expect(result.exitCode != 0)
      _ = try? await answer.value
    }

    @Test func wrongArgumentsAreNamed() throws {
      let model = try TinyModel.shared.get().model
      let folder = try TemporaryFolder()
      try CastleProcess.expectRefusal(
        ["serve", "--model", model, "--port", "70000"], naming: "--port", "65535")
      try CastleProcess.expectRefusal(
        ["serve", "--model", model, "--memory", "1", "--sequences", "1"], naming: "--memory", "--sequences")
      try CastleProcess.expectRefusal(
        ["serve", "--model", folder.path("none")], naming: "not a model folder")
      try CastleProcess.expectRefusal(
        ["serve", "--model", model, "--api-key-file", folder.path("none")], naming: folder.path("none"))
      try CastleProcess.expectRefusal(
        ["serve", "--model", "a=" + model, "--model", "a=" + model, "--port", "0"], naming: "two models", "a")
      try CastleProcess.expectRefusal(
        ["serve", "--model", model, "--chat-template", "jinja", "--port", "0"], naming: "jinja", "chatml")
      try CastleProcess.expectRefusal(
        ["serve", "--model", model, "--host", "999.1.1.1", "--port", "0"], naming: "999.1.1.1")
    }
  }
#endif
