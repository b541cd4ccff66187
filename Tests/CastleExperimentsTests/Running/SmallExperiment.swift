import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleTraining

/// A small text, and an experiment of two mechanisms and two seeds on it.
struct SmallExperiment {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try SmallCorpus.prepare(folder, name: "text", seed: 1)
  }

  static let yaml = """
    name: small
    base:
      data: {shards: "${text}"}
      model: {layers: 1, hidden-size: 32, heads: 2, head-size: 8}
      training: {steps: 6, batch-size: 2, sequence-length: 24}
      optimizer: {learning-rate: 1e-2}
      schedule: {warm-up: 2}
      evaluation: {every: 2, tokens: 100}
      checkpoints: {every: 2, keep: 1, best: false}
    axes:
      seed: [1, 2]
      mechanism:
        causal: {model.preset: 1m-causal}
        castle: {model.preset: 1m-castle}
    evaluate:
      texts:
        whole: "${text}"
        long: {data: "${text}", length: 48, tokens: 200}
    compare: {axis: mechanism, baseline: causal, pair: seed}

    """

  func experiment(_ change: (String) -> String = { $0 }) throws -> Experiment {
    try Experiment(yaml: change(Self.yaml), source: "small.yaml")
  }

  func runs(_ name: String, _ change: (String) -> String = { $0 }) throws -> ExperimentFolder {
    try ExperimentFolder(
      experiment(change), path: folder.path + "/" + name, texts: ["text": folder.path + "/text"])
  }

  /// Does what is missing, until `isInterrupted` says true.
  @discardableResult
  func run(
    _ runs: ExperimentFolder, only: [String]? = nil, retriesFailed: Bool = false,
    progress: RecordingExperimentProgress = RecordingExperimentProgress(),
    isInterrupted: @escaping () -> Bool = { false }
  ) throws -> ExperimentRunner.Outcome {
    let runner = ExperimentRunner(
      runs, backend: CPUBackend(threads: 1), progress: progress, isInterrupted: isInterrupted)
    let cells = runs.experiment.cells.filter { only?.contains($0.name) ?? true }
    return try runner.run(cells, retriesFailed: retriesFailed)
  }

  /// The losses that a cell's run has recorded.
  func metrics(_ runs: ExperimentFolder, _ cell: ExperimentCell) throws -> String {
    let start = folder.path.count + 1
    return try folder.text(String(runs.run(cell).dropFirst(start)) + "/" + RunRecords.metricsName)
  }
}

/// Remembers which cells were begun, finished and failed.
final class RecordingExperimentProgress: ExperimentProgress {
  private(set) var begun: [String] = []
  private(set) var finished: [String] = []
  private(set) var failures: [String: String] = [:]

  func note(_ text: String) {}
  func begin(_ cell: ExperimentCell, number: Int, of count: Int) -> any TrainingProgress {
    begun.append(cell.name)
    return SilentProgress()
  }
  func scoring(_ cell: ExperimentCell, _ score: String, share: Double) {}
  func finished(_ cell: ExperimentCell, _ result: CellResult) { finished.append(cell.name) }
  func failed(_ cell: ExperimentCell, _ error: InputError) { failures[cell.name] = error.description }
}
