import CastleFormats
import Foundation

/// Everything besides weights and moments that a run needs to go on exactly where it was.
///
/// There is no other random state: order of the data, initial weights and samples follow from the seed, the position
/// and the step.
public struct TrainingState: Sendable, Codable, Hashable {
  /// The number of steps done.
  public var step = 0
  /// The number of windows taken from the training text.
  public var position = 0
  /// The seed of the run.
  public var seed: UInt64
  /// The seconds of work so far.
  public var seconds = 0.0
  /// Whether the evaluation, samples and checkpoint that are due after ``step`` are done too.
  public var isStepComplete = true
  /// The lowest loss on the validation text so far.
  public var best: Best?
  /// The recent losses.
  public var losses = SpikeDetector()
  /// The recent norms of the gradient.
  public var gradientNorms = SpikeDetector()
  /// The sizes of the run's growing files.
  public var records: RunRecords.Position = [:]
  /// The hash of the list of the training text's files.
  public var text: String
  /// What computed the last step, as far as it decides the last bits of the numbers: the version of the program, threads,
  /// instruction set and BLAS. Nil in checkpoints of versions that did not keep it.
  public var machine: String?

  /// The evaluation with the lowest loss.
  public struct Best: Sendable, Codable, Hashable {
    /// The step before the evaluation.
    public var step: Int
    /// The loss on the validation text.
    public var loss: Double
  }

  /// The state before the first step.
  public init(seed: UInt64, text: String) {
    self.seed = seed
    self.text = text
  }

  /// The name of the file in a checkpoint.
  static let fileName = "training.json"

  init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    guard let data = FileManager.default.contents(atPath: path) else {
      throw InputError("cannot read \(path)")
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw InputError("\(path) is not the state of a run: \(Self.reason(error))")
    }
  }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(self), path: folder + "/" + Self.fileName)
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      context.codingPath.map(\.stringValue).joined(separator: ".") + " cannot be read"
    default: "it cannot be read"
    }
  }
}
