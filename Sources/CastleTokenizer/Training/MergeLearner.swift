/// Learns merges from counted pre-tokens: again and again the most frequent pair of adjacent tokens becomes
/// one.
///
/// The numbers of all pairs are kept up to date: a merge touches only the pre-tokens that have the pair.
struct MergeLearner {
  /// The merges so far.
  private(set) var merges: [Merge] = []
  /// The bytes of all tokens; the place is the id.
  private(set) var vocabulary: [[UInt8]]

  /// The tokens of all pre-tokens, one after another; one that was merged leaves room behind it.
  private var tokens: [Int32] = []
  private var preTokens: [PreToken] = []
  private var pairs: [UInt64: Pair] = [:]
  private var queue = Heap<PairCandidate>()
  private var ids: [[UInt8]: Int32] = [:]

  private struct PreToken {
    var start: Int
    var length: Int
    var count: Int
  }

  private struct Pair {
    var count = 0
    /// Pre-tokens that have or had the pair; one may be there more than once.
    var preTokens: [Int32] = []
  }

  /// A learner; `vocabulary` must have a token for each byte.
  init(_ table: PreTokenTable, vocabulary: [[UInt8]], byteTokens: [Int32]) {
    self.vocabulary = vocabulary
    for (id, bytes) in vocabulary.enumerated() where bytes.count == 1 { ids[bytes] = Int32(id) }
    var preTokens: [PreToken] = []
    var tokens: [Int32] = []
    preTokens.reserveCapacity(table.count)
    table.forEach { bytes, count in
      preTokens.append(PreToken(start: tokens.count, length: bytes.count, count: count))
      for byte in bytes { tokens.append(byteTokens[Int(byte)]) }
    }
    self.preTokens = preTokens
    self.tokens = tokens
    for (index, preToken) in preTokens.enumerated() {
      for place in preToken.start..<preToken.start + max(preToken.length - 1, 0) {
        count(Self.key(tokens[place], tokens[place + 1]), preToken.count, in: index)
      }
    }
    for (pair, found) in pairs { queue.push(PairCandidate(count: found.count, pair: pair)) }
  }

  /// Learns one merge; false if no pair occurs at least `minimum` times.
  mutating func learn(minimum: Int) -> Bool {
    while let top = queue.pop() {
      guard let pair = pairs[top.pair], pair.count > 0 else { continue }
      guard pair.count == top.count else {
        queue.push(PairCandidate(count: pair.count, pair: top.pair))
        continue
      }
      guard pair.count >= max(minimum, 1) else { return false }
      apply(top.pair, pair.preTokens)
      return true
    }
    return false
  }

  private mutating func apply(_ pair: UInt64, _ candidates: [Int32]) {
    let left = Int32(truncatingIfNeeded: pair >> 32)
    let right = Int32(truncatingIfNeeded: pair)
    let bytes = vocabulary[Int(left)] + vocabulary[Int(right)]
    let merged = ids[bytes] ?? Int32(vocabulary.count)
    if Int(merged) == vocabulary.count {
      vocabulary.append(bytes)
      ids[bytes] = merged
    }
    merges.append(Merge(left: left, right: right, merged: merged))
    pairs[pair] = nil
    var changed: Set<UInt64> = []
    for index in candidates {
      merge(left, right, into: merged, preToken: Int(index), &changed)
    }
    pairs[pair] = nil
    for pair in changed {
      if let found = pairs[pair], found.count > 0 {
        queue.push(PairCandidate(count: found.count, pair: pair))
      }
    }
  }

  /// Merges the pair wherever it is in one pre-token, from the left.
  private mutating func merge(
    _ left: Int32, _ right: Int32, into merged: Int32, preToken index: Int, _ changed: inout Set<UInt64>
  ) {
    let preToken = preTokens[index]
    let end = preToken.start + preToken.length
    var read = preToken.start
    var write = preToken.start
    while read < end {
      guard read + 1 < end, tokens[read] == left, tokens[read + 1] == right else {
        tokens[write] = tokens[read]
        write += 1
        read += 1
        continue
      }
      if write > preToken.start {
        let before = tokens[write - 1]
        count(Self.key(before, left), -preToken.count, in: index)
        let new = Self.key(before, merged)
        count(new, preToken.count, in: index)
        changed.insert(new)
      }
      if read + 2 < end {
        let after = tokens[read + 2]
        count(Self.key(right, after), -preToken.count, in: index)
        let new = Self.key(merged, after)
        count(new, preToken.count, in: index)
        changed.insert(new)
      }
      tokens[write] = merged
      write += 1
      read += 2
    }
    preTokens[index].length = write - preToken.start
  }

  private mutating func count(_ pair: UInt64, _ change: Int, in preToken: Int) {
    if change < 0 {
      pairs[pair]?.count += change
    } else {
      pairs[pair, default: Pair()].count += change
      if pairs[pair]!.preTokens.last != Int32(preToken) { pairs[pair]!.preTokens.append(Int32(preToken)) }
    }
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }
}
