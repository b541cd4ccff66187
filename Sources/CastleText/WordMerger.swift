/// Applies merges to one word: the lowest rank first, among equals the leftmost.
///
/// Holds scratch memory that grows to the longest word seen; not for use by several threads at once.
struct WordMerger {
  private let merges: MergeTable
  private let byteTokens: [Int32]
  private var tokens: [Int32] = []
  private var ranks: [UInt32] = []
  private var long: LongWordMerger

  /// Above this many bytes a heap is faster than looking through the word for every merge.
  private static let longest = 48

  /// A merger; `byteTokens` has the id of each byte, -1 for a byte that has none and is left out.
  init(merges: MergeTable, byteTokens: [Int32]) {
    self.merges = merges
    self.byteTokens = byteTokens
    long = LongWordMerger(merges: merges)
  }

  /// The tokens of `word`, valid until the next call.
  @inline(__always)
  mutating func withTokens<Result>(
    of word: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<Int32>) throws -> Result
  ) rethrows -> Result {
    tokens.removeAll(keepingCapacity: true)
    for byte in word where byteTokens[Int(byte)] >= 0 {
      tokens.append(byteTokens[Int(byte)])
    }
    if tokens.count > Self.longest {
      long.merge(&tokens)
    } else if tokens.count > 1 {
      mergeShort()
    }
    return try tokens.withUnsafeBufferPointer(body)
  }

  private mutating func mergeShort() {
    var count = tokens.count
    ranks.removeAll(keepingCapacity: true)
    ranks.reserveCapacity(count)
    for index in 1..<count {
      ranks.append(merges.find(tokens[index - 1], tokens[index]).rank)
    }
    tokens.withUnsafeMutableBufferPointer { tokens in
      ranks.withUnsafeMutableBufferPointer { ranks in
        while count > 1 {
          var best = 0
          var bestRank = ranks[0]
          for index in 1..<max(count - 1, 1) where ranks[index] < bestRank {
            bestRank = ranks[index]
            best = index
          }
          guard bestRank != MergeTable.noRank else { break }
          tokens[best] = merges.find(tokens[best], tokens[best + 1]).merged
          count -= 1
          for index in best + 1..<max(count, best + 1) {
            tokens[index] = tokens[index + 1]
            ranks[index - 1] = ranks[index]
          }
          if best > 0 {
            ranks[best - 1] = merges.find(tokens[best - 1], tokens[best]).rank
          }
          if best + 1 < count {
            ranks[best] = merges.find(tokens[best], tokens[best + 1]).rank
          }
        }
      }
    }
    tokens.removeLast(tokens.count - count)
  }
}
