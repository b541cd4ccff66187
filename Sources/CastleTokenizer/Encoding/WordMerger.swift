/// Applies merges to one word: the lowest rank first, among equals the leftmost.
///
/// Holds scratch memory; not for use by several threads at once.
final class WordMerger {
  private let merges: MergeTable
  private let byteTokens: UnsafeMutablePointer<Int32>
  private let ranks: UnsafeMutablePointer<UInt32>
  private let long: LongWordMerger

  /// Above this many bytes a heap is faster than looking through the word for every merge.
  private static let longest = 48

  /// A merger; `byteTokens` has the id of each byte, -1 for a byte that has none and is left out.
  init(merges: MergeTable, byteTokens: [Int32]) {
    self.merges = merges
    self.byteTokens = .allocate(capacity: byteTokens.count)
    self.byteTokens.initialize(from: byteTokens, count: byteTokens.count)
    ranks = .allocate(capacity: Self.longest)
    long = LongWordMerger(merges: merges)
  }

  deinit {
    byteTokens.deallocate()
    ranks.deallocate()
  }

  /// Writes the tokens of `word` to `output`, where there is room for one a byte, and returns their number.
  func merge(_ word: UnsafeBufferPointer<UInt8>, to output: UnsafeMutablePointer<Int32>) -> Int {
    var count = 0
    for byte in word where byteTokens[Int(byte)] >= 0 {
      output[count] = byteTokens[Int(byte)]
      count += 1
    }
    if count > Self.longest { return long.merge(output, count: count) }
    return count > 1 ? mergeShort(output, count: count) : count
  }

  /// Appends the tokens of a word of any length to `tokens`.
  func mergeLong(_ word: UnsafeBufferPointer<UInt8>, onto tokens: inout [Int32]) {
    tokens += [Int32](unsafeUninitializedCapacity: word.count) { room, count in
      count = merge(word, to: room.baseAddress!)
    }
  }

  /// Looks through the ranks of all pairs for every merge: `ranks[i]` is that of tokens i and i + 1.
  private func mergeShort(_ tokens: UnsafeMutablePointer<Int32>, count: Int) -> Int {
    var count = count
    for index in 0..<count - 1 {
      ranks[index] = merges.find(tokens[index], tokens[index + 1]).rank
    }
    while count > 1 {
      var best = 0
      for index in 0..<count - 1 where ranks[index] < ranks[best] { best = index }
      guard ranks[best] != MergeTable.noRank else { break }
      tokens[best] = merges.find(tokens[best], tokens[best + 1]).merged
      count -= 1
      var index = best + 1
      while index < count {
        tokens[index] = tokens[index + 1]
        ranks[index - 1] = ranks[index]
        index += 1
      }
      if best > 0 { ranks[best - 1] = merges.find(tokens[best - 1], tokens[best]).rank }
      if best + 1 < count { ranks[best] = merges.find(tokens[best], tokens[best + 1]).rank }
    }
    return count
  }
}
