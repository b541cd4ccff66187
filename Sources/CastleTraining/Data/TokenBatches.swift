import CastleFormats
public import CastleOperations
public import CastleTensors

/// Batches of windows in a seeded order.
///
/// The position in the data is the number of windows taken so far, so a run continues where it stopped by setting
/// ``position``. Every epoch has every window once, in an order of its own.
public final class TokenBatches {
  /// The number of windows taken so far.
  public var position: Int
  /// The windows of the text.
  public let windows: TokenWindows
  /// The number of windows of a batch.
  public let batchSize: Int

  /// The tokens of the present batch, (1, batchSize · length).
  public let tokens: IndexMatrix
  /// The token after each of ``tokens``.
  public let targets: IndexMatrix
  /// The ranges of ``tokens`` within which attention stays: a window, or a document's part of it.
  public private(set) var sequences: [Range<Int>] = []

  private let order: WindowOrder
  private let separator: Int32?
  private let backend: any Backend
  private let hostTokens: UnsafeMutableBufferPointer<Int32>
  private let hostTargets: UnsafeMutableBufferPointer<Int32>

  /// Batches of `batchSize` windows. Attention does not cross a token that equals `separator`; that token begins
  /// the next document.
  public init(
    windows: TokenWindows, batchSize: Int, seed: UInt64, separator: Int32?, position: Int = 0,
    backend: any Backend
  ) {
    self.windows = windows
    self.batchSize = batchSize
    self.separator = separator
    self.position = position
    self.backend = backend
    order = WindowOrder(count: windows.count, seed: seed)
    let count = batchSize * windows.length
    tokens = backend.allocate(Int32.self, rowCount: 1, columnCount: count)
    targets = backend.allocate(Int32.self, rowCount: 1, columnCount: count)
    hostTokens = .allocate(capacity: count)
    hostTargets = .allocate(capacity: count)
    sequences.reserveCapacity(batchSize * 8)
  }

  deinit {
    hostTokens.deallocate()
    hostTargets.deallocate()
  }

  /// The number of times that the text has been seen.
  public var epoch: Double { Double(position) / Double(windows.count) }

  /// Loads the next batch and moves on.
  public func advance() throws {
    let length = windows.length
    for row in 0..<batchSize {
      try windows.copy(
        window: order.window(at: position + row), tokens: hostTokens.baseAddress! + row * length,
        targets: hostTargets.baseAddress! + row * length)
    }
    position += batchSize
    TokenSequences.find(
      in: UnsafeBufferPointer(hostTokens), length: length, separator: separator, into: &sequences)
    backend.upload(UnsafeBufferPointer(hostTokens), to: tokens)
    backend.upload(UnsafeBufferPointer(hostTargets), to: targets)
  }
}

/// Where documents begin in a batch.
enum TokenSequences {
  /// Replaces `sequences` by the ranges of `tokens` that begin with a window of `length` tokens or with `separator`.
  static func find(
    in tokens: UnsafeBufferPointer<Int32>, length: Int, separator: Int32?, into sequences: inout [Range<Int>]
  ) {
    sequences.removeAll(keepingCapacity: true)
    var start = 0
    for place in 1..<max(tokens.count, 1) where place % length == 0 || tokens[place] == separator {
      sequences.append(start..<place)
      start = place
    }
    if !tokens.isEmpty { sequences.append(start..<tokens.count) }
  }
}
