import ArgumentParser
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleSystem
import CastleTensors
import Foundation

/// `castle benchmark`: what this machine can do, and how near to it the package comes.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure attention, training, weights and decoding against the machine's roofline.",
    discussion: """
      Machines differ from minute to minute: compare numbers of one run only.

      EXAMPLES
        castle benchmark matmul
        castle benchmark attention --lengths 2048,8192 --threads 2
        castle benchmark training --model 10m-castle
        castle benchmark weights --rows 1,8
        castle benchmark decode --model 30m-castle
        castle benchmark serve --clients 16
        castle benchmark cluster --bandwidth 10 --latency 0.1 --rate 500
      """,
    subcommands: [
      Matmul.self, Bandwidth.self, BenchmarkAttentionCommand.self, BenchmarkTrainingCommand.self,
      BenchmarkWeightsCommand.self, BenchmarkServeCommand.self, BenchmarkClusterCommand.self,
      BenchmarkDecodeCommand.self,
    ])

  /// How often a benchmark can be told to repeat.
  static let repetitionRange = 1...1_000

  /// Throws if `byteCount` bytes are not free, which `option` asks for.
  static func requireMemory(_ byteCount: Int, for option: String) throws {
    guard let available = ProcessMemory.available, byteCount > available else { return }
    throw InputError(
      "\(option) needs \(NumberFormat.bytes(byteCount)), but only \(NumberFormat.bytes(available)) are free")
  }

  /// A measured rate, as `--json` prints it.
  struct Rate: Encodable {
    var backend: String
    var threads: Int
    var unit: String
    var best: Double
    var median: Double

    init(_ rates: [Double], unit: String, scale: Double, backend: CPUBackend) {
      self.backend = backend.summary
      threads = backend.pool.threadCount
      self.unit = unit
      best = (rates.max() ?? 0) / scale
      median = rates.median / scale
    }

    func print(json: Bool) throws {
      guard !json else { return Swift.print(try JSONOutput.line(self)) }
      Swift.print("\(backend): best \(format(best)) \(unit), median \(format(median)) \(unit)")
    }

    private func format(_ value: Double) -> String { String(format: "%.1f", value) }
  }

  /// `castle benchmark matmul`.
  struct Matmul: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The rate of a large matrix product in single precision.",
      discussion: """
        EXAMPLE
          castle benchmark matmul --size 2048 --threads 1
        """)

    @Option(parsing: .unconditional, help: "The side of the square matrices.")
    var size = 2_048

    @Option(parsing: .unconditional, help: "How many products are timed.")
    var repetitions = 8

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var backend: BackendOptions

    func validate() throws {
      try OptionRange.check("--size", size, 1...20_000)
      try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
    }

    func run() throws {
      try BenchmarkCommand.requireMemory(3 * size * size * MemoryLayout<Float>.size, for: "--size \(size)")
      let backend = try backend.makeBackend()
      let rates = MachinePeaks.productRates(backend, size: size, repetitions: repetitions)
      try Rate(rates, unit: "GFLOP/s", scale: 1e9, backend: backend).print(json: json)
    }
  }

  /// `castle benchmark bandwidth`.
  struct Bandwidth: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The bandwidth of copying memory, read and written bytes together.",
      discussion: """
        EXAMPLE
          castle benchmark bandwidth --megabytes 512
        """)

    @Option(parsing: .unconditional, help: "How many megabytes are copied at a time.")
    var megabytes = 256

    @Option(parsing: .unconditional, help: "How many copies are timed.")
    var repetitions = 8

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var backend: BackendOptions

    func validate() throws {
      try OptionRange.check("--megabytes", megabytes, 1...8_192)
      try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
    }

    func run() throws {
      try BenchmarkCommand.requireMemory(2 * megabytes << 20, for: "--megabytes \(megabytes)")
      let backend = try backend.makeBackend()
      let rates = MachinePeaks.copyBandwidths(
        backend, byteCount: megabytes << 20, repetitions: repetitions)
      try Rate(rates, unit: "GB/s", scale: 1e9, backend: backend).print(json: json)
    }
  }
}
