import CastleCluster
import CastleFormats
import CastleTensors

/// The sequences of a probe: some to train on, others to be scored, every one determined by its number.
public struct ProbeSource: Sendable {
  /// What tells these sequences from others.
  public let fingerprint: String
  /// The number of sequences to train on, after which they come again; 0: there is no end to them.
  public let sequenceCount: Int

  let probe: any Probe
  private let seed: UInt64
  private let order: SequenceOrder?

  /// Which sequences are meant.
  enum Stream: UInt64 {
    case training = 1
    case heldOut = 2
    /// What all sequences share, such as a map to memorise.
    case shared = 3
  }

  /// The sequences of the probe that `settings` describe; `seed` is that of the run.
  ///
  /// - Throws: ``InputError`` if the sizes do not fit each other.
  init(_ settings: ProbeSettings, seed: UInt64) throws {
    probe = try settings.probe(seed: Self.seed(seed, .shared))
    self.seed = seed
    sequenceCount = settings.trainingSequences
    order = sequenceCount > 0 ? SequenceOrder(count: sequenceCount, seed: seed) : nil
    let digest = Digest()
    let parts = settings.entries(under: "probe").map { "\($0.path)=\($0.value)" } + ["seed=\(seed)"]
    Array(parts.joined(separator: "\n").utf8).withUnsafeBytes { digest.update($0) }
    fingerprint = digest.sha256()
  }

  /// The number of token ids.
  public var vocabularySize: Int { probe.vocabularySize }
  /// The number of tokens of a sequence.
  public var length: Int { probe.length }

  /// The sequence to train on that is the `position`th to come.
  func trainingSequence(at position: Int) -> ProbeSequence {
    let number = order?.sequence(at: position) ?? position
    return sequence(number, of: probe, .training)
  }

  /// The sequence `number` to be scored, of the probe itself or a variant of it.
  func heldOutSequence(_ number: Int, of probe: any Probe) -> ProbeSequence {
    sequence(number, of: probe, .heldOut)
  }

  private func sequence(_ number: Int, of probe: any Probe, _ stream: Stream) -> ProbeSequence {
    let own = SplitMix64.mixed(Self.seed(seed, stream) ^ SplitMix64.mixed(UInt64(number)))
    var random = RandomSource(seed: own)
    return probe.sequence(&random, isTraining: stream == .training)
  }

  private static func seed(_ seed: UInt64, _ stream: Stream) -> UInt64 {
    SplitMix64.mixed(SplitMix64.mixed(seed) &+ stream.rawValue)
  }
}

/// Batches of the sequences of a probe.
final class ProbeBatches: BatchSource {
  private(set) var position: Int

  private let source: ProbeSource
  private let batchSize: Int
  private let share: Range<Int>

  /// Batches of `batchSize` sequences, of which each rank of `world` has its share. Traps if there are fewer
  /// sequences than ranks.
  init(_ source: ProbeSource, batchSize: Int, position: Int, world: World) {
    precondition(batchSize >= world.size, "\(batchSize) sequences for \(world.size) ranks")
    self.source = source
    self.batchSize = batchSize
    self.position = position
    share = world.share(of: batchSize)
  }

  /// The part of the sequences that has been seen, where there is an end to them.
  var epoch: Double? {
    source.sequenceCount > 0 ? Double(position) / Double(source.sequenceCount) : nil
  }

  func next() -> TokenBatch {
    let sequences = share.map { source.trainingSequence(at: position + $0) }
    position += batchSize
    return TokenBatch(
      tokens: sequences.flatMap(\.tokens), targets: sequences.flatMap(\.targets), length: source.length)
  }
}
