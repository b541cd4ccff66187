import CastleEvaluation
import CastleFormats
import Foundation

/// The files in a run's folder that grow with every step.
///
/// `metrics.jsonl` holds what the computation determines, so that two runs of one configuration write the same bytes;
/// `timing.jsonl` holds what the clock says; `samples.jsonl` the text written during training; the event file all of
/// it for TensorBoard.
public final class RunRecords {
  /// The sizes of the files at a checkpoint, by name.
  public typealias Position = [String: UInt64]

  /// The name of the file of losses.
  public static let metricsName = "metrics.jsonl"
  /// The name of the file of times.
  public static let timingName = "timing.jsonl"
  /// The name of the file of samples.
  public static let samplesName = "samples.jsonl"

  private let metrics: AppendingFile
  private let timing: AppendingFile
  private let samples: AppendingFile
  private let board: TensorBoardWriter

  /// Opens the records in `folder`, cut back to `position`: the files of a new run are empty. `step` is the last step that
  /// is done.
  public init(folder: String, position: Position, step: Int) throws {
    func open(_ name: String) throws -> AppendingFile {
      try AppendingFile(path: folder + "/" + name, truncatedTo: position[name] ?? 0)
    }
    metrics = try open(Self.metricsName)
    timing = try open(Self.timingName)
    samples = try open(Self.samplesName)
    board = try TensorBoardWriter(folder: folder, firstStep: step + 1)
  }

  /// Adds a step.
  public func add(_ step: StepMetrics, _ clock: StepTiming) throws {
    metrics.append(step.json.line)
    timing.append(clock.json.line)
    board.add(
      scalars: [
        ("train/loss", step.loss), ("train/learning_rate", step.learningRate),
        ("train/gradient_norm", step.gradientNorm), ("speed/tokens_per_second", clock.tokensPerSecond),
      ], step: step.step)
    try flush()
  }

  /// Adds the evaluation of all sets at one step.
  public func add(_ evaluations: [EvaluationMetrics]) throws {
    for row in evaluations {
      metrics.append(row.json.line)
      var scalars = [("\(row.set)/loss", row.result.loss), ("\(row.set)/perplexity", row.result.perplexity)]
      if let bits = row.result.bitsPerByte { scalars.append(("\(row.set)/bits_per_byte", bits)) }
      board.add(scalars: scalars, step: row.step)
    }
    try flush()
  }

  /// Adds a sample.
  public func add(sample: String, prompt: String, step: Int) throws {
    samples.append(
      JSONObject([("step", .integer(step)), ("prompt", .text(prompt)), ("text", .text(sample))]).line)
    board.add(text: prompt + sample, tag: "sample", step: step)
    try flush()
  }

  /// Brings everything to the disk and says how far the files have grown.
  public func synchronize() throws -> Position {
    try board.flush()
    var position: Position = [:]
    for (name, file) in [
      (Self.metricsName, metrics), (Self.timingName, timing), (Self.samplesName, samples),
    ] {
      try file.synchronize()
      position[name] = file.byteCount
    }
    return position
  }

  private func flush() throws {
    try metrics.flush()
    try timing.flush()
    try samples.flush()
    try board.flush()
  }
}
