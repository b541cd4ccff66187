import CastleFormats
import CastleTensors

/// Writes the token shards of one part of a corpus.
final class SplitWriter {
  /// What was written so far.
  private(set) var split = CorpusManifest.Split()

  private let folder: String
  private let prefix: String
  private let width: TokenWidth
  private let shardTokens: Int
  private let pool: ThreadPool
  private var shard: TokenShardWriter?
  private var shardName: String { "\(prefix)_\(Self.padded(split.shards.count)).bin" }

  /// A writer of shards of at most `shardTokens` tokens named `prefix` and a number.
  init(folder: String, prefix: String, width: TokenWidth, shardTokens: Int, pool: ThreadPool) {
    self.folder = folder
    self.prefix = prefix
    self.width = width
    self.shardTokens = shardTokens
    self.pool = pool
  }

  /// Appends tokens, which stand for `byteCount` bytes of text.
  func append(_ tokens: UnsafeBufferPointer<Int32>, byteCount: Int) throws {
    var rest = tokens[...]
    while !rest.isEmpty {
      let shard = try self.shard ?? TokenShardWriter(path: "\(folder)/\(shardName)", width: width)
      self.shard = shard
      let some = rest.prefix(shardTokens - shard.tokenCount)
      try shard.append(UnsafeBufferPointer(rebasing: some))
      rest = rest.dropFirst(some.count)
      if shard.tokenCount == shardTokens { try finishShard() }
    }
    split.tokens += tokens.count
    split.bytes += byteCount
  }

  /// Ends a document.
  func endDocument(_ endOfText: Int32) throws {
    try withUnsafePointer(to: endOfText) {
      try append(UnsafeBufferPointer(start: $0, count: 1), byteCount: 0)
    }
    split.documents += 1
  }

  /// Completes the last shard.
  func finish() throws -> CorpusManifest.Split {
    if shard != nil { try finishShard() }
    return split
  }

  private func finishShard() throws {
    let summary = try shard!.finish(pool: pool)
    split.shards.append(
      CorpusManifest.Shard(
        file: shardName, tokens: summary.tokenCount, bytes: summary.byteCount, sha256: summary.sha256))
    shard = nil
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}
