import CastleServing
import CastleSystem
import Synchronization

/// What the server has done, for Prometheus.
final class ServerMetrics: Sendable {
  private struct Counts {
    var requests: [Endpoint: Int] = [:]
    var cancelled = 0
    var connections = 0
    var firstToken = Histogram(bounds: Histogram.seconds)
    var betweenTokens = Histogram(bounds: Histogram.seconds)
    var answer = Histogram(bounds: Histogram.seconds)
    /// Tokens in each of the last seconds, for the rate.
    var recent = RecentCount()
  }

  private struct Endpoint: Hashable {
    var path: String
    var status: Int
  }

  private let counts = Mutex(Counts())

  /// A request was answered.
  func didAnswer(path: String, status: Int) {
    counts.withLock { $0.requests[Endpoint(path: path, status: status), default: 0] += 1 }
  }

  /// A client went away before its answer was whole.
  func didCancel() { counts.withLock { $0.cancelled += 1 } }

  /// A connection came, or went.
  func didConnect(_ change: Int) { counts.withLock { $0.connections += change } }

  /// The first token of an answer came after so many seconds.
  func didBegin(after seconds: Double) { counts.withLock { $0.firstToken.observe(seconds) } }

  /// A token came, so many seconds after the one before it in its choice, if there was one.
  func didGenerate(after seconds: Double?) {
    counts.withLock { counts in
      if let seconds { counts.betweenTokens.observe(seconds) }
      counts.recent.add(1)
    }
  }

  /// An answer was whole after so many seconds.
  func didFinish(after seconds: Double) { counts.withLock { $0.answer.observe(seconds) } }

  /// The metrics in Prometheus's text form.
  func text(models: [(name: String, report: ServingStatistics)]) -> String {
    var (counts, lines) = (counts.withLock { $0 }, [String]())
    func add(_ name: String, _ kind: String, _ help: String, _ values: [String]) {
      lines += ["# HELP castle_\(name) \(help)", "# TYPE castle_\(name) \(kind)"] + values
    }
    func each(_ name: String, _ kind: String, _ help: String, _ value: (ServingStatistics) -> Int) {
      add(
        name, kind, help,
        models.map { "castle_\(name){model=\"\(Self.escaped($0.name))\"} \(value($0.report))" })
    }
    each("requests_queued", "gauge", "Sequences that wait for room.") { $0.queued }
    each("requests_running", "gauge", "Sequences that are being generated.") { $0.running }
    each("sequences_finished_total", "counter", "Sequences that ended by themselves.") { $0.finishedRequests }
    each("sequences_cancelled_total", "counter", "Sequences whose clients went away.") {
      $0.cancelledRequests
    }
    each("steps_total", "counter", "Passes through the model.") { $0.steps }
    each("prompt_tokens_total", "counter", "Tokens of prompts that were read.") { $0.promptTokens }
    each("cached_tokens_total", "counter", "Tokens of prompts that came from the store of prefixes.") {
      $0.cachedTokens
    }
    each("generated_tokens_total", "counter", "Tokens that were generated.") { $0.generatedTokens }
    each("cache_reserved_bytes", "gauge", "Caches set aside for what runs.") { $0.reservedBytes }
    each("cache_planned_bytes", "gauge", "Caches planned at the start.") { $0.plannedBytes }
    each("prefix_bytes", "gauge", "What the store of prefixes holds.") { $0.prefixBytes }
    each("prefix_planned_bytes", "gauge", "What the store of prefixes may hold.") { $0.plannedPrefixBytes }
    add(
      "tokens_per_second", "gauge", "Generated tokens a second over the last ten seconds.",
      ["castle_tokens_per_second \(counts.recent.perSecond())"])
    add("connections", "gauge", "Open connections.", ["castle_connections \(counts.connections)"])
    add(
      "requests_total", "counter", "Requests answered, by path and status.",
      counts.requests.sorted { ($0.key.path, $0.key.status) < ($1.key.path, $1.key.status) }.map {
        "castle_requests_total{path=\"\(Self.escaped($0.key.path))\",status=\"\($0.key.status)\"} \($0.value)"
      })
    add(
      "requests_cancelled_total", "counter", "Answers that clients did not wait for.",
      ["castle_requests_cancelled_total \(counts.cancelled)"])
    for (name, help, histogram) in [
      ("time_to_first_token_seconds", "From a request to its first token.", counts.firstToken),
      ("time_between_tokens_seconds", "From one token of a choice to the next.", counts.betweenTokens),
      ("answer_seconds", "From a request to the end of its answer.", counts.answer),
    ] { add(name, "histogram", help, histogram.lines("castle_" + name)) }
    add(
      "resident_memory_bytes", "gauge", "Memory of the process.",
      ["castle_resident_memory_bytes \(ProcessMemory.current)"])
    return lines.joined(separator: "\n") + "\n"
  }

  private static func escaped(_ label: String) -> String {
    label.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}

/// Counts what happened in the last ten seconds.
struct RecentCount: Sendable {
  private static let seconds = 10
  private let start = ContinuousClock.now
  private var counts = Array(repeating: 0, count: seconds)
  private var second = 0

  /// Counts events that happen now.
  mutating func add(_ count: Int) {
    advance()
    counts[second % Self.seconds] += count
  }

  /// The events a second, over the last ten or since the start.
  mutating func perSecond() -> Double {
    advance()
    let age = (ContinuousClock.now - start) / .seconds(1)
    return Double(counts.reduce(0, +)) / min(max(age, 1), Double(Self.seconds))
  }

  private mutating func advance() {
    let now = Int((ContinuousClock.now - start) / .seconds(1))
    for passed in 0..<min(now - second, Self.seconds) { counts[(now - passed) % Self.seconds] = 0 }
    second = now
  }
}
