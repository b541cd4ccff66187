/// A pair of adjacent tokens that may be merged next.
///
/// The most frequent goes first; of equally frequent ones that with the smaller left id, then that with the
/// smaller right id.
struct PairCandidate: HeapElement {
  /// How often the pair occurred when the candidate was made; whoever takes one must compare it with the true
  /// number.
  var count: Int
  /// Left id in the upper, right id in the lower half.
  var pair: UInt64

  @inline(__always)
  func goesBefore(_ other: PairCandidate) -> Bool {
    count != other.count ? count > other.count : pair < other.pair
  }
}
