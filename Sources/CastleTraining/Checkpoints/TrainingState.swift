import CastleFormats
import Foundation

/// Everything besides weights and moments that a run needs to go on exactly where it was.
///
/// There is no other random state: order of the data, initial weights and samples follow from the seed, the
/// position and the step.
public struct TrainingState: Sendable, Codable, Hashable {
  /// The number of steps done.
  public var step = 0
  /// The number of sequences taken from the training text.
  public var position = 0
  /// The seed of the run.
  public var seed: UInt64
  /// The seconds of work so far.
  public var seconds = 0.0
  /// Whether the evaluation, samples and checkpoint that are due after ``step`` are done too.
  public var isStepComplete = true
  /// The lowest loss on the validation text so far.
  public var best: Best?
  /// The evaluations since the loss on the validation text last improved. Nil in checkpoints of versions that
  /// did not count them.
  public var stall: Stall?
  /// The recent losses.
  public var losses = SpikeDetector()
  /// The recent norms of the gradient.
  public var gradientNorms = SpikeDetector()
  /// The sizes of the run's growing files.
  public var records: RunRecords.Position = [:]
  /// The hash of the list of the training text's files.
  public var text: String
  /// What computed the last step, as far as it decides the last bits of the numbers: the version of the
  /// program, threads, instruction set and BLAS. Nil in checkpoints of versions that did not keep it.
  public var machine: String?
  /// The checkpoint of another run from which this one branched.
  public var origin: String?
  /// What the run is called, drawn when it begins: two runs with the same settings differ in it. Nil in
  /// checkpoints of versions that gave no names.
  public var run: String?

  /// The evaluation with the lowest loss.
  public struct Best: Sendable, Codable, Hashable {
    /// The step before the evaluation.
    public var step: Int
    /// The loss on the validation text.
    public var loss: Double
  }

  /// How long there has been no improvement that counts for the patience of a run.
  public struct Stall: Sendable, Codable, Hashable {
    /// The loss of the last improvement.
    public var loss: Double
    /// The number of evaluations since.
    public var evaluations: Int
  }

  /// The state before the first step.
  public init(seed: UInt64, text: String) {
    self.seed = seed
    self.text = text
    run = Self.newName
  }

  /// Gives a run of an earlier version a name.
  mutating func nameIfNeeded() { run = run ?? Self.newName }

  private static var newName: String { String(UInt64.random(in: 0...UInt64.max), radix: 36) }

  /// Takes in a loss on the validation text after the present step. Returns whether it is the lowest so far.
  mutating func add(validationLoss loss: Double, minimumImprovement: Double) -> Bool {
    if loss < (stall?.loss ?? .infinity) - minimumImprovement {
      stall = Stall(loss: loss, evaluations: 0)
    } else {
      stall?.evaluations += 1
    }
    guard loss < best?.loss ?? .infinity else { return false }
    best = Best(step: step, loss: loss)
    return true
  }

  /// Makes this the first state of another run, whose records and best checkpoint are its own.
  mutating func beginBranch(of checkpoint: String) {
    origin = checkpoint
    run = Self.newName
    records = [:]
    best = nil
    stall = nil
  }

  /// The name of the file in a checkpoint.
  static let fileName = "training.json"

  init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    guard let data = FilePath.contents(path) else {
      throw InputError(problem: "cannot read \(path)")
    }
    do {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      self = try decoder.decode(Self.self, from: data)
    } catch {
      throw InputError(subject: "\(path)", problem: "is not the state of a run: \(Self.reason(error))")
    }
  }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
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
