import ArgumentParser
import CastleMeasurement
import CastleOperations

/// `castle benchmark weights`.
struct BenchmarkWeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract:
      "Time products of a few rows with weights in every precision against the read bandwidth of this run.",
    discussion: """
      This is what decoding waits for: each product reads all weights once, from memory, not from a cache. \
      Every format is first checked against double precision, and each row against the same row alone, bit \
      by bit; nothing is timed if a result is wrong. The bound is the bytes of the weights, scales included, \
      over the measured read bandwidth.

      EXAMPLES
        castle benchmark weights
        castle benchmark weights --size 50257x896 --rows 1,8 --format int8,int4
      """)

  @Option(parsing: .unconditional, help: "The sizes of the weights, OUTPUTSxINPUTS, separated by commas.")
  var size = "896x896,4778x896"

  @Option(parsing: .unconditional, help: "Rows that go through the weights together, separated by commas.")
  var rows = "1,8,16"

  @Option(help: "The formats, separated by commas: float32, bf16, int8, int4.")
  var format = "float32,bf16,int8,int4"

  @Option(parsing: .unconditional, help: "How often everything is timed.")
  var repetitions = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    _ = try sizes()
    _ = try rowCounts()
    _ = try formats()
    try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
  }

  private func sizes() throws -> [WeightBenchmark.Size] {
    try words(size).map { word in
      let sides = word.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      guard sides.count == 2, let outputs = sides[0], let inputs = sides[1],
        (1...1_000_000).contains(outputs), (1...1_000_000).contains(inputs)
      else {
        throw ValidationError(
          "\"\(word)\" in --size is not a size; give OUTPUTSxINPUTS, each from 1 to 1000000, as in 896x896")
      }
      return WeightBenchmark.Size(outputs: outputs, inputs: inputs)
    }
  }

  private func rowCounts() throws -> [Int] {
    try words(rows).map { word in
      guard let count = Int(word), (1...4_096).contains(count) else {
        throw ValidationError(
          "\"\(word)\" in --rows is not a number of rows; give numbers from 1 to 4096")
      }
      return count
    }
  }

  private func formats() throws -> [WeightFormat] {
    try words(format).map { word in
      guard let format = WeightFormat(rawValue: word) else {
        let all = WeightFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\"\(word)\" in --format is none of \(all)")
      }
      return format
    }
  }

  private func words(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  func run() throws {
    let sizes = try sizes()
    let formats = try formats()
    let rowCounts = try rowCounts()
    for size in sizes {
      let matrix = size.outputs * size.inputs * MemoryLayout<Float>.size
      let rows = (rowCounts.max() ?? 1) * (size.outputs + size.inputs) * MemoryLayout<Float>.size
      let copies = (formats.count + 1) * (matrix + WeightBenchmark.bytesInTurn)
      try BenchmarkCommand.requireMemory(copies + rows, for: "--size \(size.outputs)x\(size.inputs)")
    }
    let benchmark = WeightBenchmark(
      backend: try backend.makeBackend(), sizes: sizes, formats: formats, rows: rowCounts,
      repetitions: repetitions)
    let report = try benchmark.run()
    print(json ? try JSONOutput.line(report) : WeightTable.text(report))
  }
}
