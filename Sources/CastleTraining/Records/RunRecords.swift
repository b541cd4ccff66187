public import CastleCluster
import CastleEvaluation
import CastleFormats
import Foundation

/// The files in a run's folder that grow with every step.
///
/// `metrics.jsonl` holds what the computation determines, so that two runs of one configuration write the
/// same bytes; `timing.jsonl` holds what the clock says; `samples.jsonl` the text written during training;
/// the event file all of it for TensorBoard.
public final class RunRecords {
  /// The sizes of the files at a checkpoint, by name.
  public typealias Position = [String: UInt64]

  /// The name of the file of losses.
  public static let metricsName = "metrics.jsonl"
  /// The name of the file of times.
  public static let timingName = "timing.jsonl"
  /// The name of the file of samples.
  public static let samplesName = "samples.jsonl"

  /// The files, which the main rank alone has.
  private let files: Files?

  private struct Files {
    let metrics: AppendingFile
    let timing: AppendingFile
    let samples: AppendingFile
    let board: EventBoard

    /// The files whose size a checkpoint remembers.
    var growing: [(name: String, file: AppendingFile)] {
      [(metricsName, metrics), (timingName, timing), (samplesName, samples)]
    }

    func flush() throws {
      for (_, file) in growing { try file.flush() }
      board.flush()
    }
  }

  /// Opens the records in `folder`, cut back to `position`: the files of a new run are empty. `step` is the
  /// last step that is done. Only the main rank of `world` opens and writes them; on others, everything that
  /// is added is dropped.
  ///
  /// Records that are missing are told to `note`, the run goes on without them.
  ///
  /// - Throws: ``InputError`` if a file cannot be written or holds other records; then none is cut.
  public init(
    folder: String, position: Position, step: Int, world: World = .single,
    note: @escaping (String) -> Void = { _ in }
  ) throws {
    guard world.isMain else {
      files = nil
      return
    }
    let cuts = try [Self.metricsName, Self.timingName, Self.samplesName].map { name in
      (
        path: folder + "/" + name,
        cut: try RecordCut(path: folder + "/" + name, expected: position[name] ?? 0, step: step)
      )
    }
    for loss in cuts.compactMap(\.cut.loss) { note("warning: \(loss)") }
    let files = try cuts.map { try AppendingFile(path: $0.path, truncatedTo: $0.cut.byteCount) }
    self.files = Files(
      metrics: files[0], timing: files[1], samples: files[2],
      board: EventBoard(folder: folder, firstStep: step + 1, note: note))
  }

  /// Adds a step.
  public func add(_ step: StepMetrics, _ timing: StepTiming) throws {
    guard let files else { return }
    files.metrics.append(step.json.line)
    files.timing.append(timing.json.line)
    files.board.add(
      scalars: [
        ("train/loss", step.loss), ("train/learning_rate", step.learningRate),
        ("train/gradient_norm", step.gradientNorm), ("speed/tokens_per_second", timing.tokensPerSecond),
      ], step: step.step)
    try files.flush()
  }

  /// Adds the evaluation of all sets at one step.
  public func add(_ evaluations: [EvaluationMetrics]) throws {
    guard let files else { return }
    for row in evaluations {
      files.metrics.append(row.json.line)
      var scalars = [("\(row.set)/loss", row.result.loss), ("\(row.set)/perplexity", row.result.perplexity)]
      if let bits = row.result.bitsPerByte { scalars.append(("\(row.set)/bits_per_byte", bits)) }
      if let accuracy = row.result.accuracy { scalars.append(("\(row.set)/accuracy", accuracy)) }
      files.board.add(scalars: scalars, step: row.step)
    }
    try files.flush()
  }

  /// Adds a sample.
  public func add(sample: String, prompt: String, step: Int) throws {
    guard let files else { return }
    files.samples.append(
      JSONValue.object(["step": .integer(step), "prompt": .string(prompt), "text": .string(sample)]).line)
    files.board.add(text: prompt + sample, tag: "sample", step: step)
    try files.flush()
  }

  /// Brings everything to the disk and says how far the files have grown.
  public func synchronize() throws -> Position {
    guard let files else { return [:] }
    files.board.flush()
    var position: Position = [:]
    for (name, file) in files.growing {
      try file.synchronize()
      position[name] = file.byteCount
    }
    return position
  }
}
