import ArgumentParser
import CastleAttention
import CastleMeasurement
import CastleOperations
import CastleTensors
import Foundation

/// `castle benchmark attention`.
struct BenchmarkAttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Time attention against the matrix-product rate and the memory bandwidth of this run.",
    discussion: """
      Every mechanism is first checked against the dense reference, on up to 1025 tokens, and not timed if a \
      result is wrong. Then each line gives the best and the median time of a call, the roofline bound \
      (operations over the measured matrix-product rate, or for decoding bytes over the bandwidth of copies \
      of that size), their ratio, the memory beyond inputs, outputs and gradients, and the time over that of \
      causal attention in the same round (the median of all rounds): of a call, and of a head.

      EXAMPLES
        castle benchmark attention
        castle benchmark attention --lengths 130,1025 --head-size 128 \\
          --passes forward,forward+backward
        castle benchmark attention --lengths 4096 --causal-heads 14 \\
          --mechanisms causal,castle-swl
      """)

  @Option(parsing: .unconditional, help: "The lengths, separated by commas.")
  var lengths = "2048"

  @Option(help: "The mechanisms, separated by commas.")
  var mechanisms = "causal,castle,castle-swl"

  @Option(
    help: "The passes, separated by commas: forward, forward+backward, prefill, chunked-prefill, decode.")
  var passes = "forward,forward+backward,decode"

  @Option(parsing: .unconditional, help: "The number of heads.")
  var heads = 8

  @Option(
    parsing: .unconditional,
    help: "The number of heads of causal attention, if another (equal parameters: 7 for every 4).")
  var causalHeads: Int?

  @Option(parsing: .unconditional, help: "The size of a head.")
  var headSize = 64

  @Option(parsing: .unconditional, help: "The window of castle-swl.")
  var window = 128

  @Option(parsing: .unconditional, help: "How often everything is timed.")
  var repetitions = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backend: BackendOptions

  private struct Report: Encodable {
    var backend: String
    var productRate: Double
    var copyBandwidth: Double
    var rows: [AttentionBenchmark.Row]
  }

  func validate() throws {
    _ = try lengthList()
    _ = try mechanismList()
    _ = try passList()
    try OptionRange.check("--heads", heads, 1...1_024)
    try OptionRange.check("--causal-heads", causalHeads, 1...1_024)
    try OptionRange.check("--head-size", headSize, 1...1_024)
    try OptionRange.check("--window", window, 0...1_000_000)
    try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
  }

  private func lengthList() throws -> [Int] {
    try words(lengths).map { word in
      guard let length = Int(word), (1...1_000_000).contains(length) else {
        throw ValidationError("\"\(word)\" in --lengths is not a length; give numbers from 1 to 1000000")
      }
      return length
    }
  }

  private func mechanismList() throws -> [Mechanism.Kind] {
    try words(mechanisms).map { word in
      guard let name = Mechanism.Kind(rawValue: word) else {
        throw ValidationError("\"\(word)\" in --mechanisms is none of causal, castle, castle-swl")
      }
      return name
    }
  }

  private func passList() throws -> [AttentionBenchmark.Pass] {
    try words(passes).map { word in
      guard let pass = AttentionBenchmark.Pass(rawValue: word) else {
        let all = AttentionBenchmark.Pass.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\"\(word)\" in --passes is none of \(all)")
      }
      return pass
    }
  }

  private func words(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  /// Inputs, gradients and results: at most 16 tensors for each mechanism.
  private func requireMemory() throws {
    let longest = try lengthList().max() ?? 0
    let numbers = try mechanismList().count * 16 * longest * max(heads, causalHeads ?? 0) * headSize
    try BenchmarkCommand.requireMemory(numbers * MemoryLayout<Float>.size, for: "--lengths \(longest)")
  }

  func run() throws {
    try requireMemory()
    let backend = try backend.makeBackend()
    let peaks = MachinePeaks.measure(backend)
    if !json {
      print(backend.summary)
      print(
        String(
          format: "Matrix product %.1f GFLOP/s, copy %.1f GB/s (this run)", peaks.productRate / 1e9,
          peaks.copyBandwidth / 1e9))
      print(AttentionTable.header)
    }
    var rows: [AttentionBenchmark.Row] = []
    for length in try lengthList() {
      let subjects = try mechanismList().map { name in
        (
          name: name.rawValue, mechanism: Mechanism(name, window: window),
          heads: name == .causal ? causalHeads ?? heads : heads
        )
      }
      for subject in subjects {
        try AttentionCheck(
          mechanism: subject.mechanism, length: length, headSize: headSize, pool: backend.pool
        ).run()
      }
      let benchmark = AttentionBenchmark(
        subjects: subjects, length: length, headSize: headSize, passes: try passList(),
        repetitions: repetitions, backend: backend, peaks: peaks)
      let measured = benchmark.run()
      if !json { for row in measured { print(AttentionTable.line(row)) } }
      rows += measured
    }
    guard json else { return }
    print(
      try JSONOutput.line(
        Report(
          backend: backend.summary, productRate: peaks.productRate,
          copyBandwidth: peaks.copyBandwidth, rows: rows)))
  }
}
