import ArgumentParser
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleTraining

/// `castle benchmark cluster`: how far more ranks would help.
struct BenchmarkClusterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Simulate the time of a training step on many ranks, from bandwidth, latency and rate.",
    discussion: """
      A simulation, no measurement: computation, what is left of the exchange of gradients when the \
      backward pass ends, and the exchange of weights, for ranks that all have the same number of \
      sequences. The efficiency is the part of a step in which a rank computes. Without --rate, a rank \
      computes as fast as this machine multiplies matrices.

      EXAMPLE
        castle benchmark cluster --model s-castle --bandwidth 10 --latency 0.1
      """)

  @Option(help: ArgumentHelp("The models, separated by commas.", valueName: "presets"))
  var model = "s-castle,xl-castle"

  @Option(parsing: .unconditional, help: "The numbers of ranks, separated by commas.")
  var ranks = "8,16,32,64,128,256,512,1024"

  @Option(parsing: .unconditional, help: "The network of a rank, in Gbit/s.")
  var bandwidth = 10.0

  @Option(parsing: .unconditional, help: "What a message takes besides its bytes, in ms.")
  var latency = 0.1

  @Option(parsing: .unconditional, help: "The useful operations of a rank, in GFLOP/s.")
  var rate: Double?

  @Option(parsing: .unconditional, help: "Sequences of a rank in a step.")
  var sequences = 8

  @Option(parsing: .unconditional, help: "The tokens of a sequence (default: the model's most).")
  var length: Int?

  @Option(help: "How gradients travel: float32 or bfloat16.")
  var gradientFormat = GradientFormat.float32.rawValue

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    _ = try rankCounts()
    for (name, value) in [("--bandwidth", bandwidth), ("--rate", rate ?? 1)] {
      guard value > 0, value <= 1e9 else {
        throw ValidationError("\(name) is \(value), it must be more than 0 and at most 1e9.")
      }
    }
    guard (0...1e6).contains(latency) else {
      throw ValidationError("--latency is \(latency), it must be from 0 to 1e6.")
    }
    for (name, value) in [("--sequences", sequences), ("--length", length ?? 1)] {
      guard (1...1_048_576).contains(value) else {
        throw ValidationError("\(name) is \(value), it must be from 1 to 1048576.")
      }
    }
    guard GradientFormat(rawValue: gradientFormat) != nil else {
      throw ValidationError("--gradient-format is \(gradientFormat), it must be float32 or bfloat16.")
    }
  }

  private func rankCounts() throws -> [Int] {
    try ranks.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let count = Int(word), (1...1_048_576).contains(count) else {
        throw ValidationError(
          "\"\(word)\" in --ranks is not a number of ranks; give numbers from 1 to 1048576.")
      }
      return count
    }
  }

  func run() throws {
    let presets = try model.split(separator: ",", omittingEmptySubsequences: false).map {
      try ModelPreset(String($0))
    }
    let operations =
      try rate.map { $0 * 1e9 }
      ?? MachinePeaks.productRates(backend.makeBackend(), size: 2_048, repetitions: 2).max() ?? 1
    let simulation = StepTimeModel(
      bandwidth: bandwidth * 1e9 / 8, latency: latency / 1e3, rate: operations,
      format: GradientFormat(rawValue: gradientFormat) ?? .float32)
    let rows = try presets.flatMap { preset in
      let length = length ?? preset.configuration.maximumLength
      return try rankCounts().map { count in
        Row(
          preset: preset, length: length, sequences: sequences, ranks: count,
          step: simulation.step(preset.configuration, length: length, sequences: sequences, ranks: count))
      }
    }
    print(json ? object(rows, operations).text : table(rows, operations))
  }

  private struct Row {
    var preset: ModelPreset
    var length: Int
    var sequences: Int
    var ranks: Int
    var step: StepTimeModel.Step

    /// The tokens of all ranks in a second.
    var tokenRate: Double { Double(length * sequences * ranks) / step.seconds }

    var json: JSONValue {
      .object([
        "model": .string(preset.name), "ranks": .integer(ranks), "sequences_per_rank": .integer(sequences),
        "length": .integer(length), "compute_seconds": .number(step.computation),
        "gradient_seconds": .number(step.gradients), "wait_seconds": .number(step.wait),
        "weight_seconds": .number(step.weights), "step_seconds": .number(step.seconds),
        "efficiency": .number(step.efficiency), "tokens_per_second": .number(tokenRate),
      ])
    }
  }

  private func table(_ rows: [Row], _ operations: Double) -> String {
    func cell(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func seconds(_ value: Double) -> String { cell(NumberFormat.fixed(value, 3), 11) }
    let head =
      "simulated: \(NumberFormat.fixed(bandwidth, 1)) Gbit/s and \(NumberFormat.fixed(latency, 3)) ms, "
      + "\(NumberFormat.fixed(operations / 1e9, 0)) GFLOP/s and "
      + "\(NumberFormat.count(sequences, "sequence")) a rank; times of a step in seconds"
    let titles =
      "model        ranks  compute  gradients   of it waits    weights       step  efficiency      tok/s"
    let lines = rows.map { row in
      row.preset.name.padding(to: 12) + cell("\(row.ranks)", 6)
        + cell(NumberFormat.fixed(row.step.computation, 3), 9)
        + seconds(row.step.gradients) + cell(NumberFormat.fixed(row.step.wait, 3), 14)
        + seconds(row.step.weights)
        + seconds(row.step.seconds) + cell(NumberFormat.fixed(row.step.efficiency * 100, 0) + " %", 12)
        + cell(NumberFormat.grouped(Int(row.tokenRate)), 11)
    }
    return ([head, titles] + lines).joined(separator: "\n")
  }

  private func object(_ rows: [Row], _ operations: Double) -> JSONValue {
    .object([
      "simulated": .bool(true), "gigabits_per_second": .number(bandwidth),
      "latency_milliseconds": .number(latency), "operations_per_second": .number(operations),
      "gradient_format": .string(gradientFormat), "rows": .list(rows.map(\.json)),
    ])
  }
}

extension String {
  /// The text with blanks behind it, at least `width` characters long.
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
