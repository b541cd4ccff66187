import ArgumentParser
import CastleFormats
import CastleMeasurement
import CastleSystem
import Foundation

/// `castle benchmark serve`: how a running server holds out against many clients.
struct BenchmarkServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Let many clients read streams from a server that runs on this machine.",
    discussion: """
      Each client sends one request after another and reads its stream. The clients take processors from the \
      server, as they would not on machines of their own.

      EXAMPLE
        castle serve --model runs/first/model --port 8080 &
        castle benchmark serve --port 8080 --clients 64 --seconds 600 --idle 1000
      """)

  @Option(parsing: .unconditional, help: "The server's port.")
  var port = 8_080

  @Option(parsing: .unconditional, help: "The clients that stream at once.")
  var clients = 16

  @Option(parsing: .unconditional, help: "Connections beside them that do nothing.")
  var idle = 0

  @Option(parsing: .unconditional, help: "How long it goes on; answers that are begun are read to their end.")
  var seconds = 30.0

  @Option(parsing: .unconditional, help: "The tokens of each answer.")
  var tokens = 64

  @Option(parsing: .unconditional, help: "The words of each prompt.")
  var promptWords = 32

  @Option(help: ArgumentHelp("A key of the server.", valueName: "key"))
  var apiKey: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value, range) in [
      ("--port", port, 1...65_535), ("--clients", clients, 1...1_024), ("--idle", idle, 0...20_000),
      ("--tokens", tokens, 1...100_000), ("--prompt-words", promptWords, 1...100_000),
    ] {
      guard range.contains(value) else {
        throw ValidationError(
          "\(name) is \(value), it must be from \(range.lowerBound) to \(range.upperBound)")
      }
    }
    guard seconds > 0, seconds <= 1e6 else {
      throw ValidationError("--seconds is \(seconds), it must be above 0 and at most 1000000")
    }
  }

  /// What `--json` prints; times in seconds.
  private struct Report: Encodable {
    var clients: Int
    var answers: Int
    var failures: [String: Int]
    var tokens: Int
    var seconds: Double
    var tokensPerSecond: Double
    var firstTokenP50: Double
    var firstTokenP99: Double
    var betweenTokensP50: Double
    var betweenTokensP99: Double
    var idleConnections: Int
  }

  func run() throws {
    let limit = OpenFiles.raiseLimit() - 16
    guard clients + idle <= limit else {
      throw InputError(
        "\(clients) clients and \(idle) idle connections are more than the \(limit) connections that this "
          + "process may have open")
    }
    let load = ServingLoad(
      port: port, clients: clients, idleConnections: idle, seconds: seconds, tokens: tokens,
      promptWords: promptWords,
      authorization: apiKey.map { "Bearer " + $0 })
    let result: ServingLoad.Result
    do {
      result = try load.run()
    } catch let failure as HTTPClient.Failure {
      throw InputError("no server answers at port \(port): \(failure); start one with castle serve")
    }
    func quantile(_ values: [Double], _ share: Double) -> Double {
      let value = ServingLoad.Result.quantile(values, share)
      return value.isNaN ? 0 : value
    }
    let report = Report(
      clients: clients, answers: result.answers, failures: result.failures, tokens: result.tokens,
      seconds: result.seconds, tokensPerSecond: result.tokensPerSecond,
      firstTokenP50: quantile(result.firstTokens, 0.5), firstTokenP99: quantile(result.firstTokens, 0.99),
      betweenTokensP50: quantile(result.betweenTokens, 0.5),
      betweenTokensP99: quantile(result.betweenTokens, 0.99), idleConnections: result.idleConnections)
    guard !json else { return print(try JSONOutput.line(report)) }
    func times(_ median: Double, _ late: Double) -> String {
      "p50 \(NumberFormat.fixed(median * 1_000, 1)) ms, p99 \(NumberFormat.fixed(late * 1_000, 1)) ms"
    }
    let duration = NumberFormat.fixed(report.seconds, 1)
    print(
      """
      \(NumberFormat.count(report.answers, "answer")) for \(clients) clients in \(duration) s, \
      \(NumberFormat.fixed(report.tokensPerSecond, 1)) tokens/s together
      to the first token: \(times(report.firstTokenP50, report.firstTokenP99))
      between tokens:     \(times(report.betweenTokensP50, report.betweenTokensP99))
      idle connections still open: \(report.idleConnections) of \(idle)
      """)
    for (failure, count) in report.failures.sorted(by: { $0.key < $1.key }) {
      print("failed \(count) times: \(failure)")
    }
    guard report.failures.isEmpty else {
      throw InputError("\(report.failures.values.reduce(0, +)) answers failed; the server's log says more")
    }
  }
}
