import CastleCorpus

/// Batches of windows in a seeded order.
///
/// The position in the data is the number of windows taken so far, so a run continues where it stopped by starting at
/// that position. Every epoch has every window once, in an order of its own.
public final class TokenBatches {
  /// The number of windows taken so far.
  public private(set) var position: Int
  /// The windows of the text.
  public let windows: TokenWindows
  /// The number of windows of a batch.
  public let batchSize: Int

  /// The tokens of the present batch, window after window.
  public private(set) var tokens: [Int32]
  /// The token after each of ``tokens``.
  public private(set) var targets: [Int32]
  /// The ranges of ``tokens`` within which attention stays: a window, or a document's part of it.
  public private(set) var sequences: [Range<Int>] = []

  private let order: WindowOrder
  private let separator: Int32?

  /// Batches of `batchSize` windows. Attention does not cross a token that equals `separator`; that token begins
  /// the next document.
  public init(
    windows: TokenWindows, batchSize: Int, seed: UInt64, separator: Int32?, position: Int = 0
  ) {
    self.windows = windows
    self.batchSize = batchSize
    self.separator = separator
    self.position = position
    order = WindowOrder(count: windows.count, seed: seed)
    tokens = Array(repeating: 0, count: batchSize * windows.length)
    targets = tokens
  }

  /// The number of times that the text has been seen.
  public var epoch: Double { Double(position) / Double(windows.count) }

  /// Loads the next batch and moves on.
  public func advance() throws {
    let length = windows.length
    for row in 0..<batchSize {
      let window = order.window(at: position + row)
      try tokens.withUnsafeMutableBufferPointer { tokens in
        try targets.withUnsafeMutableBufferPointer { targets in
          try windows.copy(
            window: window, tokens: tokens.baseAddress! + row * length,
            targets: targets.baseAddress! + row * length)
        }
      }
    }
    position += batchSize
    DocumentRanges.find(in: tokens, length: length, separator: separator, into: &sequences)
  }
}
