/// Applies merges to one pre-token: the lowest rank first, among equals the leftmost.
///
/// Holds scratch memory; not for use by several threads at once.
final class PreTokenMerger {
  private let model: BytePairModel
  private let merges: MergeTable
  private let ranks: UnsafeMutablePointer<UInt32>
  private let long: LongPreTokenMerger
  private var tokens: [Int32] = []

  /// Above this many tokens a heap is faster than looking through all of them for every merge.
  private static let longest = 48

  init(_ model: BytePairModel) {
    self.model = model
    merges = model.merges
    ranks = .allocate(capacity: Self.longest)
    long = LongPreTokenMerger(merges: model.merges)
  }

  deinit { ranks.deallocate() }

  /// Calls `body` with the tokens of `preToken`.
  func withTokens(of preToken: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<Int32>) -> Void) {
    if let whole = model.whole(preToken) {
      return withUnsafePointer(to: whole) { body(UnsafeBufferPointer(start: $0, count: 1)) }
    }
    tokens.removeAll(keepingCapacity: true)
    model.appendUnits(of: preToken, to: &tokens)
    tokens.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let count =
        buffer.count > Self.longest
        ? long.merge(base, count: buffer.count) : mergeShort(base, count: buffer.count)
      body(UnsafeBufferPointer(start: base, count: count))
    }
  }

  /// Looks through the ranks of all pairs for every merge: `ranks[i]` is that of tokens i and i + 1.
  private func mergeShort(_ tokens: UnsafeMutablePointer<Int32>, count: Int) -> Int {
    guard count > 1 else { return count }
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
