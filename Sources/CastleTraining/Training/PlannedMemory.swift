public import CastleCluster
import CastleFormats
public import CastleModel
import CastleSystem

/// The memory that training takes on one rank, in bytes, known before any of it is taken.
public struct PlannedMemory: Sendable, Hashable {
  /// The weights.
  public let weights: Int
  /// Their gradients.
  public let gradients: Int
  /// Both moments of AdamW: a rank has those of its share of the parameters.
  public let moments: Int
  /// Activations, their gradients, some rows of logits and what arrives from other ranks.
  public let activations: Int
  /// What the process holds already: the program and its libraries.
  public let program: Int

  /// The ranks that share the memory of this host.
  private let ranksOnHost: Int

  /// Plans steps of `settings` on a model, which the ranks of `world` share, from what the process holds now.
  public init(_ model: ModelConfiguration, settings: StepSettings, world: World = .single) {
    weights = model.parameterCount * MemoryLayout<Float>.size
    gradients = weights
    moments = 2 * ((model.parameterCount + world.size - 1) / world.size) * MemoryLayout<Float>.size
    activations = Self.sum(
      TrainingPass.byteCount(
        model, batch: settings.largestShare(of: world.groups(of: settings.sequenceRanks)),
        length: settings.sequenceLength, recomputesActivations: settings.recomputes,
        ranks: World(rank: 0, size: settings.sequenceRanks)),
      ArenaExchange.byteCount(parameterCount: model.parameterCount, world: world))
    ranksOnHost = world.ranksOnHost
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

  /// - Throws: ``InputError`` with the numbers if this is more than this rank's part of the `available` bytes
  ///   of the host. Nil means unknown.
  public func check(available: Int?) throws {
    guard let available, toTake > available / ranksOnHost else { return }
    let each = ranksOnHost > 1 ? " on each of \(ranksOnHost) ranks" : ""
    throw InputError(
      subject: "the run",
      problem: "needs \(NumberFormat.bytes(toTake))\(each) (weights, gradients and moments "
        + "\(NumberFormat.bytes(parameters)), activations \(NumberFormat.bytes(activations))), but only "
        + "\(NumberFormat.bytes(available)) are free",
      remedy:
        "lower training.batch-size (with a higher training.accumulation), "
        + "training.sequence-length or choose a smaller model.preset; "
        + "with training.check-memory=false it starts all the same")
  }
}
