import CastleAttention
public import CastleCluster
import CastleCorpus
import CastleTensors

/// Batches of the sequences of one text, or of several texts in a mixture, in a seeded order.
///
/// The position in the data is the number of sequences taken so far, so a run continues where it stopped by
/// starting at that position. Every pass through a text has every one of its sequences once, in an order of
/// its own.
public final class TokenBatches: BatchSource {
  /// The number of sequences taken so far, those of all ranks together.
  public private(set) var position: Int
  /// The sequences of each text.
  public let texts: [TokenSequences]
  /// The number of sequences of a batch, those of all ranks together.
  public let batchSize: Int

  private let mixture: MixtureOrder?
  private let orders: [SequenceOrder]
  private let separator: Int32?
  private let share: Range<Int>
  private var documents: [Range<Int>] = []

  /// Batches of `batchSize` sequences, of which each rank of `world` has its share. Attention does not cross
  /// a token that equals `separator`; that token begins the next document.
  ///
  /// Traps if there are fewer sequences than ranks.
  public convenience init(
    sequences: TokenSequences, batchSize: Int, seed: UInt64, separator: Int32?, position: Int = 0,
    world: World = .single
  ) {
    self.init(
      texts: [sequences], mixture: nil, batchSize: batchSize, seed: seed, separator: separator,
      position: position, world: world)
  }

  /// Batches of several texts of equal sequence length, which take turns as `mixture` says; without one there
  /// is one text.
  ///
  /// Traps if there are fewer sequences than ranks, or the texts have sequences of different lengths.
  public init(
    texts: [TokenSequences], mixture: MixtureOrder?, batchSize: Int, seed: UInt64, separator: Int32?,
    position: Int = 0, world: World = .single
  ) {
    precondition(batchSize >= world.size, "\(batchSize) sequences for \(world.size) ranks")
    precondition(mixture != nil || texts.count == 1, "\(texts.count) texts without a mixture")
    precondition(texts.allSatisfy { $0.length == texts[0].length }, "sequences of different lengths")
    self.texts = texts
    self.mixture = mixture
    self.batchSize = batchSize
    self.separator = separator
    self.position = position
    share = world.share(of: batchSize)
    orders = texts.enumerated().map { index, text in
      SequenceOrder(count: text.count, seed: index == 0 ? seed : seed ^ SplitMix64.mixed(UInt64(index)))
    }
  }

  /// Sequences taken so far over the number of sequences.
  public var epoch: Double? {
    Double(position) / Double(texts.reduce(0) { $0 + $1.count })
  }

  /// Reads this rank's part of the next batch and moves on.
  ///
  /// - Throws: ``TextChanged`` if a shard has been changed since it was opened.
  public func next() throws -> TokenBatch {
    let length = texts[0].length
    var tokens = [Int32](repeating: 0, count: share.count * length)
    var targets = tokens
    try tokens.withUnsafeMutableBufferPointer { tokens in
      try targets.withUnsafeMutableBufferPointer { targets in
        for (row, index) in share.enumerated() {
          let place = mixture?.place(at: position + index) ?? .init(text: 0, position: position + index)
          try texts[place.text].copy(
            orders[place.text].sequence(at: place.position), tokens: tokens.baseAddress! + row * length,
            targets: targets.baseAddress! + row * length)
        }
      }
    }
    position += batchSize
    DocumentRanges.find(in: tokens, length: length, separator: separator, into: &documents)
    guard let documents = Documents(lengths: documents.map(\.count)) else {
      preconditionFailure("documents are not empty")
    }
    return TokenBatch(tokens: tokens, targets: targets, documents: documents)
  }
}
