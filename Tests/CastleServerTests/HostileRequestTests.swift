#if Server
  import CastleFormats
  import CastleGeneration
  import CastleMeasurement
  import CastleModel
  import CastleServer
  import CastleServing
  import CastleTensors
  import Foundation
  import Testing

  /// Requests that no decent client sends: each gets an answer below 500 or is cut off, and the server lives.
  @Suite struct HostileRequestTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["CASTLE_LONG_TESTS"] != nil ? 10_000 : 300
    private static let seed = environment["CASTLE_SEED"].flatMap { UInt64($0) } ?? 16

    @Test func nothingThatIsSentHurts() async throws {
      let model = try TinyModel(settings: ServingSettings(cacheMemory: .sequences(4), queueLength: 8))
      let engine = model.engine
      try await TestServer.run([model.served]) { settings in
        settings.bodyBytes = 20_000
        settings.allBodyBytes = 200_000
        settings.generatedTokens = 32
        settings.idleSeconds = 20
      } _: { server in
        let port = server.client.port
        let workers = 4
        let outcomes = try await withThrowingTaskGroup(of: [Int: Int].self) { group in
          for worker in 0..<workers {
            group.addTask {
              try await onOwnThread {
                var random = HostileRequests(seed: Self.seed &+ UInt64(worker))
                var outcomes: [Int: Int] = [:]
                for _ in 0..<Self.count / workers {
                  let request = random.next()
                  let status = try Self.status(of: request, port: port)
                  let isExpected =
                    status == 0 || status == 200 || (400..<500).contains(status) || status == 503
                  #expect(isExpected, "\(status) for \(request)")
                  outcomes[status, default: 0] += 1
                }
                return outcomes
              }
            }
          }
          return try await group.reduce(into: [Int: Int]()) { $0.merge($1, uniquingKeysWith: +) }
        }
        // All kinds of outcomes were seen, else the requests are not what they should be.
        #expect(
          outcomes[200] != nil && outcomes[400] != nil && outcomes[413] != nil && outcomes[0] != nil,
          "\(outcomes)")
        await eventually("nothing runs") { engine.statistics.running == 0 && engine.statistics.queued == 0 }
        #expect(engine.statistics.reservedBytes == 0)
        let reply = try await server.client.post("/v1/completions", #"{"prompt": "a", "max_tokens": 2}"#)
        #expect(reply.status == 200)
      }
    }

    /// Sends a request; the status of the answer, or 0 if none was waited for or the connection was cut.
    private static func status(of request: HostileRequests.Request, port: Int) throws -> Int {
      let connection = try HTTPClient.Connection(port: port, seconds: 60)
      if request.resets { connection.resetsAtEnd() }
      do {
        try connection.write(request.bytes)
        guard request.waits else { return 0 }
        if request.endsSending { connection.endSending() }
        let head = try connection.readHead()
        if request.leavesInBody { return 0 }
        return head.status
      } catch let failure as HTTPClient.Failure {
        guard !failure.description.contains("errno \(EAGAIN)") else {
          Issue.record("no answer within a minute to \(request)")
          return -1
        }
        return 0
      }
    }
  }

  /// Makes requests of all the kinds that go wrong.
  private struct HostileRequests {
    struct Request: CustomStringConvertible {
      var bytes: [UInt8]
      var waits = true
      var endsSending = false
      var leavesInBody = false
      var resets = false

      var description: String { String(decoding: bytes.prefix(300), as: UTF8.self) }
    }

    private var random: RandomSource

    init(seed: UInt64) {
      random = RandomSource(seed: seed)
    }

    private mutating func number(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func pick<Element>(_ values: [Element]) -> Element { values[number(values.count)] }

    private static let paths = [
      "/v1/completions", "/v1/completions", "/v1/completions", "/v1/chat/completions", "/tokenize",
      "/detokenize",
      "/v1/models", "/health", "/%00", "/../../etc/passwd", "/v1/models/%ff%fe", "//", "/metrics?x=%zz",
    ]

    private static let keys = [
      "prompt", "max_tokens", "n", "echo", "logprobs", "stop", "stream", "stream_options", "seed",
      "temperature", "top_p",
      "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "logit_bias",
      "messages", "tokens",
      "model", "best_of", "tools", "unknown", "", "stop_token_ids", "return_token_ids", "top_logprobs",
    ]

    private static let scalars = [
      "null", "true", "false", "0", "-1", "1", "2", "16", "257", "2147483648", "9223372036854775807",
      "-9223372036854775809", "1e308", "1e309", "-0", "0.5", "1e-400", "NaN", "Infinity", "00", "1.", ".5",
      "0x10", "\"\"",
      "\"a\"", "\"\\ud800\"", "\"\\u0000\"", "\"\\x\"", "\"<|endoftext|>\"", "[]", "{}", "[[]]", "[null]",
      "{\"a\": 1}",
      "[97, 98]", "[[97], [98]]", "[1, \"a\"]", "[-1]", "[256]", "[257]", "[1e99]", "[0.5]", "'a'", "",
    ]

    private mutating func value(depth: Int = 0) -> String {
      switch number(12) {
      case 0 where depth < 4:
        "[" + (0..<number(4)).map { _ in value(depth: depth + 1) }.joined(separator: ",") + "]"
      case 1 where depth < 4: object(depth: depth + 1)
      case 2:
        "\"" + String(repeating: pick(["a", "é", "\\n", "🜁", "\\u00e9", "\u{0}"]), count: number(60)) + "\""
      default: pick(Self.scalars)
      }
    }

    private mutating func object(depth: Int = 0) -> String {
      let members = (0..<number(6)).map { _ in "\"\(pick(Self.keys))\": \(value(depth: depth))" }
      return "{" + members.joined(separator: ", ") + "}"
    }

    /// A body that is nearly right.
    private mutating func body() -> [UInt8] {
      switch number(12) {
      case 0:
        return Array(String(repeating: pick(["[", "{\"a\":", "\"", "\\"]), count: 1 + number(5_000)).utf8)
      case 1: return (0..<number(200)).map { _ in UInt8(number(256)) }
      case 2: return Array("{\"prompt\": \"".utf8) + [0xC3, 0x28, 0xFF] + Array("\"}".utf8)
      case 3: return Array("{\"prompt\": \"\(String(repeating: "a", count: 25_000))\"}".utf8)
      case 4: return Array(object().utf8)
      case 5:
        return Array(
          "{\"prompt\": \(String(repeating: "[", count: 200))\(String(repeating: "]", count: 200))}".utf8)
      default:
        var members = ["\"prompt\": \(pick(["\"abc\"", "[97, 98]", "[\"a\", \"b\"]", "[[97], [98]]"]))"]
        members.append("\"max_tokens\": \(pick(["1", "8", "32", "33", "0"]))")
        members.append("\"messages\": [{\"role\": \"user\", \"content\": \(pick(["\"a\"", value()]))}]")
        members.append("\"tokens\": \(pick(["[97]", value()]))")
        for _ in 0..<number(3) { members.append("\"\(pick(Self.keys))\": \(value())") }
        var bytes = Array("{\(members.joined(separator: ", "))}".utf8)
        if number(6) == 0 { bytes.removeLast(number(bytes.count)) }
        if number(6) == 0 { bytes[number(max(1, bytes.count)) % max(1, bytes.count)] = UInt8(number(256)) }
        return bytes
      }
    }

    mutating func next() -> Request {
      let path = pick(Self.paths)
      let method = pick(["POST", "POST", "POST", "POST", "GET", "PUT", "OPTIONS", "HEAD", "BREW"])
      var body = body()
      if body.isEmpty { body = [UInt8(ascii: " ")] }
      switch number(14) {
      case 0:
        // Less than was announced, and then silence or the end.
        let bytes = HTTPClient.request(method, path, body: body)
        return Request(
          bytes: Array(bytes.dropLast(1 + number(body.count))), waits: number(2) == 0, endsSending: true)
      case 1:
        return Request(
          bytes: HTTPClient.request(method, path, body: body), waits: false, resets: number(2) == 0)
      case 2:
        let body = Array(
          #"{"prompt": "abc", "max_tokens": 32, "stream": true, "logprobs": 5, "ignore_eos": true}"#.utf8)
        return Request(
          bytes: HTTPClient.request("POST", "/v1/completions", body: body), leavesInBody: true,
          resets: number(2) == 0)
      case 3: return Request(bytes: (0..<1 + number(300)).map { _ in UInt8(number(256)) }, endsSending: true)
      case 4:
        let headers = pick([
          "Content-Length: -1", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked",
          "Transfer-Encoding: gzip, chunked", "Content-Length: 5\r\nContent-Length: 6",
          "Authorization: \u{1}",
          "X: " + String(repeating: "y", count: 100_000), "Origin: https://elsewhere.example",
          "Expect: 100-continue",
        ])
        let head = Array("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(headers)\r\n\r\n".utf8)
        return Request(bytes: head + body, endsSending: true)
      case 5: return Request(bytes: Array("\(method) \(path)\r\n\r\n".utf8), endsSending: true)
      default:
        return Request(bytes: HTTPClient.request(method, path, body: body))
      }
    }
  }
#endif
