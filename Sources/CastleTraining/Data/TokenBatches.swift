import CastleCorpus
import CastleAttention

/// Batches of a text's sequences in a seeded order.
///
/// The position in the data is the number of sequences taken so far, so a run continues where it stopped by starting at
/// that position. Every epoch has every sequence once, in an order of its own.
public final class TokenBatches: BatchSource {
  /// The number of sequences taken so far, those of all ranks together.
  public private(set) var position: Int
  /// The windows of the text.
  public let windows: TokenWindows
  /// The number of sequences of a batch, those of all ranks together.
  public let batchSize: Int

  private let order: WindowOrder
  private let separator: Int32?
  private let share: Range<Int>
  private var documents: [Range<Int>] = []

  /// Batches of `batchSize` sequences, of which each rank of `world` has its share. Attention does not cross a token that
  /// equals `separator`; that token begins the next document.
  ///
  /// Traps if there are fewer sequences than ranks.
  public init(
    windows: TokenWindows, batchSize: Int, seed: UInt64, separator: Int32?, position: Int = 0,
    world: World = .single
  ) {
    precondition(batchSize >= world.size, "\(batchSize) sequences for \(world.size) ranks")
    self.windows = windows
    self.batchSize = batchSize
    self.separator = separator
    self.position = position
    share = world.share(of: batchSize)
    order = WindowOrder(count: windows.count, seed: seed)
  }

  /// The number of times that the text has been seen.
  public var epoch: Double? { Double(position) / Double(windows.count) }

  /// Reads this rank's part of the next batch and moves on.
  ///
  /// - Throws: ``TextChanged`` if a shard has been changed since it was opened.
  public func next() throws -> TokenBatch {
    let length = windows.length
    var tokens = [Int32](repeating: 0, count: share.count * length)
    var targets = tokens
    try tokens.withUnsafeMutableBufferPointer { tokens in
      try targets.withUnsafeMutableBufferPointer { targets in
        for (row, place) in share.enumerated() {
          try windows.copy(
            window: order.window(at: position + place), tokens: tokens.baseAddress! + row * length,
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
