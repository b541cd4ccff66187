import CastleFormats
public import CastleModel
import CastleSystem

/// The memory that training takes, in bytes, known before any of it is taken.
public struct PlannedMemory: Sendable, Hashable {
  /// The weights.
  public let weights: Int
  /// Their gradients.
  public let gradients: Int
  /// Both moments of AdamW.
  public let moments: Int
  /// Activations, their gradients and some rows of logits.
  public let activations: Int
  /// What the process holds already: the program and its libraries.
  public let program: Int

  /// Plans steps of `settings` on a model, from what the process holds now.
  public init(_ model: ModelConfiguration, settings: StepSettings) {
    weights = model.parameterCount * MemoryLayout<Float>.size
    gradients = weights
    moments = 2 * weights
    activations = TrainingPass.byteCount(
      model, batch: settings.batchSize, length: settings.sequenceLength,
      recomputesActivations: settings.recomputes)
    program = ProcessMemory.current
  }

  /// Weights, gradients and moments.
  public var parameters: Int { weights + gradients + moments }

  /// What training will take besides the program.
  public var toTake: Int { Self.sum(parameters, activations) }

  /// The most memory that the process is to hold.
  public var total: Int { Self.sum(toTake, program) }

  /// The sum, or the largest number there is.
  private static func sum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }

  /// - Throws: ``InputError`` with the numbers if this is more than the `available` bytes. Nil means unknown.
  public func check(available: Int?) throws {
    guard let available, toTake > available else { return }
    throw InputError(
      subject: "the run",
      problem: "needs \(NumberFormat.bytes(toTake)) (weights, gradients and moments "
        + "\(NumberFormat.bytes(parameters)), activations \(NumberFormat.bytes(activations))), but only "
        + "\(NumberFormat.bytes(available)) are free",
      remedy:
        "lower training.batch-size (with a higher training.accumulation), "
        + "training.sequence-length or choose a smaller model.preset; "
        + "with training.check-memory=false it starts all the same")
  }
}
