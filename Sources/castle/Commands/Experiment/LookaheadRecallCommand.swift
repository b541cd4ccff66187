import ArgumentParser
import CastleConsole
import CastleExperiments
import CastleFormats
import CastleTraining
import Foundation

/// `castle experiment lookahead-recall`: what one layer can and cannot learn.
struct LookaheadRecallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lookahead-recall",
    abstract: "Train one layer of ordinary attention and one of CASTLE on a task that needs lookahead keys.",
    discussion: """
      Items are labeled after they appear (item, label, item, label, …, then one of the labels again); the \
      answer is the item that had the label. A key must therefore hold what comes after it. Both models have \
      equal parameters: 7 heads of 8 against 4, d_model 56. Chance is 1 in 8. The task is one of those of \
      data.probe: Experiments/probes.yaml has them all, with more layers, seeds and mechanisms.

      EXAMPLES
        castle experiment lookahead-recall
        castle experiment lookahead-recall --seed 2 --json
      """)

  @Option(parsing: .unconditional, help: "What weights and sequences are made from.")
  var seed: UInt64 = 1

  @Option(parsing: .unconditional, help: "Optimizer steps of each model.")
  var steps = 2000

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    try OptionRange.check("--steps", steps, 1...1_000_000)
  }

  func run() throws {
    let backend = try backendOptions.makeBackend()
    var probe = LookaheadRecall(seed: seed)
    probe.steps = steps
    let progress = ProgressLine()
    let start = ProcessInfo.processInfo.systemUptime
    var done = 0
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "castle-lookahead-recall-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let results = try probe.run(in: folder.path, backend: backend) { mechanism, step, loss in
      done += 1
      let passed = ProcessInfo.processInfo.systemUptime - start
      let rest = passed / Double(done) * Double(2 * steps - done)
      progress.update(
        "\(mechanism)  step \(step)/\(steps)  loss \(NumberFormat.fixed(loss, 4))  "
          + "eta \(NumberFormat.duration(rest))")
    }
    progress.clear()
    let seconds = ProcessInfo.processInfo.systemUptime - start
    print(json ? object(results, seconds: seconds).text : Self.text(results, seconds: seconds))
  }

  private func object(_ results: [LookaheadRecall.Result], seconds: Double) -> JSONValue {
    .object([
      "seed": .integer(Int(clamping: seed)), "steps": .integer(steps), "seconds": .number(seconds),
      "results": .list(
        results.map { result in
          .object(
            [
              "mechanism": .string(result.mechanism), "parameters": .integer(result.parameterCount),
              "accuracy": .number(result.accuracy),
              "history": .list(
                result.history.map {
                  .object(["step": .integer($0.step), "accuracy": .number($0.accuracy)])
                }),
            ])
        }),
    ])
  }

  private static func text(_ results: [LookaheadRecall.Result], seconds: Double) -> String {
    let lines = results.map { result in
      let history = result.history.map { "\($0.step): \(NumberFormat.fixed($0.accuracy * 100, 1)) %" }
      return """
        \(result.mechanism)  \(NumberFormat.grouped(result.parameterCount)) parameters  \
        accuracy \(NumberFormat.fixed(result.accuracy * 100, 1)) %  (\(history.joined(separator: ", ")))
        """
    }
    return lines.joined(separator: "\n") + "\n\(NumberFormat.duration(seconds)) in all; chance is 12.5 %"
  }
}
