import CastleCorpus
import CastleFormats
import CastleModel
import CastleReports
import CastleTraining
import Foundation

/// What is kept of a cell: all that a report needs, small enough for a repository.
package struct CellResult: Sendable, Hashable, JSONFile {
  /// The experiment.
  package var experiment: String
  /// The cell.
  package var cell: String
  /// The value on every axis.
  package var values: [String: String]
  /// Every setting of the run as it took effect, without its folder, and with names in place of the folders
  /// of texts.
  package var settings: [String: String]
  /// The cell and the step from which the run branched; nil if it began with random weights.
  package var branch: String?
  /// The hash that identifies the training text.
  package var text: String?
  /// The version of the program, threads, instruction set and BLAS.
  package var machine: String?
  /// The number of parameters; nil if the run has not come so far.
  package var parameters: Int?
  /// The number of steps done.
  package var steps: Int
  /// The number of tokens trained on.
  package var tokens: Int
  /// The seconds of work, of training and its evaluations.
  package var seconds: Double
  /// The mean training loss of stretches of the run.
  package var training: [Point]
  /// The losses of the evaluations during training, by name of the set.
  package var evaluations: [String: [Point]]
  /// What the finished model scores, by name of the text.
  package var scores: [String: Score]
  /// How the finished model does on tasks, by name. Nil in results of versions that did not measure it.
  package var tasks: [String: TaskScore]?
  /// Whether all steps are done.
  package var isFinished: Bool

  /// A loss during the run.
  package struct Point: Sendable, Hashable, Codable {
    /// The number of tokens trained on.
    package var tokens: Int
    /// The seconds of work.
    package var seconds: Double
    /// The loss, in nats.
    package var loss: Double
    /// The bits that the model needs for a byte of text.
    package var bitsPerByte: Double?
    /// The share of right answers; nil for text.
    package var accuracy: Double?
  }

  /// How well a finished model predicts a text.
  package struct Score: Sendable, Hashable, Codable {
    /// The loss, in nats.
    package var loss: Double
    /// The bits that the model needs for a byte of text.
    package var bitsPerByte: Double?
    /// The number of tokens predicted.
    package var tokens: Int
    /// The tokens of a sequence.
    package var length: Int
  }

  /// How a finished model does on the questions of a task.
  package struct TaskScore: Sendable, Hashable, Codable {
    /// The number of examples before each question.
    package var shots: Int
    /// The number of sets, each of which counts the same.
    package var sets: Int
    /// The number of questions.
    package var items: Int
    /// The share of questions whose most probable choice is right.
    package var accuracy: Double
    /// Its standard error over questions.
    package var accuracyError: Double?
    /// The share of right choices where the log-probability of a choice is divided by its bytes.
    package var normalizedAccuracy: Double?
    /// Its standard error over questions.
    package var normalizedAccuracyError: Double?
  }

  private static let trainingPoints = 200

  /// What `history` says of `cell`. `trainer` has finished it; without one it may be going on.
  init(
    _ cell: ExperimentCell, experiment: String, settings: [String: String], history: RunHistory,
    trainer: Trainer?
  ) throws {
    self.experiment = experiment
    self.cell = cell.name
    values = Dictionary(cell.values.map { ($0.axis, $0.value) }) { first, _ in first }
    self.settings = settings
    branch = cell.branch?.text
    text = trainer?.state.text
    machine = trainer?.state.machine
    parameters = trainer?.plan.parameterCount
    steps = trainer?.state.step ?? history.lastStep
    tokens = history.steps.last?.tokens ?? 0
    seconds = trainer?.state.seconds ?? history.steps.last?.seconds ?? 0
    training = Self.averaged(history.steps, into: Self.trainingPoints)
    evaluations = history.evaluations.mapValues { $0.map(Point.init) }
    scores = [:]
    isFinished = trainer != nil
  }

  /// Reads the result at `path`; nil if there is none.
  package static func read(ifPresent path: String) throws -> CellResult? { try read(path) }

  /// Means over equal stretches, at most `count` of them.
  private static func averaged(_ points: [RunHistory.Point], into count: Int) -> [Point] {
    let width = max(1, (points.count + count - 1) / count)
    return stride(from: 0, to: points.count, by: width).map { start in
      let stretch = points[start..<min(start + width, points.count)]
      var point = Point(stretch[stretch.endIndex - 1])
      point.loss = stretch.reduce(0) { $0 + $1.loss } / Double(stretch.count)
      return point
    }
  }
}

extension CellResult.Point {
  fileprivate init(_ point: RunHistory.Point) {
    self.init(
      tokens: point.tokens, seconds: point.seconds, loss: point.loss, bitsPerByte: point.bitsPerByte,
      accuracy: point.accuracy)
  }
}
