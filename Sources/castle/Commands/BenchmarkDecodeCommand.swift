import ArgumentParser
import CastleMeasurement
import CastleModel
import CastleOperations

/// `castle benchmark decode`.
struct BenchmarkDecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract:
      "Time reading a prompt and decoding several sequences together, with weights in every precision.",
    discussion: """
      The weights are random, in the shape of a preset. A step gives every sequence one token, after \
      --prompt tokens each. Its bound is the bytes of the weights and caches that it reads, over the read \
      bandwidth measured in this run; that of a prompt is the operations of its products over the measured \
      rate of a large product.

      EXAMPLES
        castle benchmark decode --model 30m-castle
        castle benchmark decode --model s-castle --batch 1,8 --weights float32,int8
      """)

  @Option(help: ArgumentHelp("The shape of the model (castle presets).", valueName: "preset"))
  var model = "30m-castle"

  @Option(parsing: .unconditional, help: "Sequences that decode together, separated by commas.")
  var batch = "1,8,16"

  @Option(parsing: .unconditional, help: "Tokens that each sequence has read before.")
  var prompt = 512

  @Option(help: "The precisions, separated by commas: float32, bf16, int8, int4.")
  var weights = "float32,bf16,int8,int4"

  @Option(parsing: .unconditional, help: "How many steps are timed.")
  var repetitions = 20

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    _ = try batches()
    _ = try formats()
    try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
    try OptionRange.check("--prompt", prompt, 1...1_048_576)
  }

  private func batches() throws -> [Int] {
    try batch.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let count = Int(word), (1...1_024).contains(count) else {
        throw ValidationError(
          "\"\(word)\" in --batch is not a number of sequences; give numbers from 1 to 1024.")
      }
      return count
    }
  }

  private func formats() throws -> [WeightFormat] {
    try weights.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let format = WeightFormat(rawValue: String(word)) else {
        let all = WeightFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\"\(word)\" in --weights is none of \(all).")
      }
      return format
    }
  }

  func run() throws {
    let batches = try batches()
    let formats = try formats()
    let backend = try backend.makeBackend()
    var configuration = try ModelPreset(model).configuration
    let length = prompt + repetitions * batches.count
    configuration.maximumLength = max(configuration.maximumLength, length)
    let bytes = DecodeBenchmark.byteCount(
      configuration, backend: backend, formats: formats, batches: batches, length: length)
    try BenchmarkCommand.requireMemory(bytes, for: "--model \(model) with these options")
    let report = try DecodeBenchmark(
      backend: backend, name: model, configuration: configuration, formats: formats, batches: batches,
      promptLength: prompt, steps: repetitions
    ).run()
    print(json ? try JSONOutput.line(report) : DecodeTable.text(report))
  }
}
