import CastleFormats

/// In which order the sequences of several texts follow each other, so that each text has its share at every
/// moment.
///
/// Positions come in blocks of ``blockSize``. Within a block every text has a fixed number of places, its
/// share of the weights, spread evenly: no text is ever a whole sequence ahead of its share. The same block
/// comes again and again, so a position alone says which text is next and how many of its sequences came
/// before.
public struct MixtureOrder: Sendable, Hashable {
  /// The number of positions after which the pattern repeats. Shares are multiples of one in this many.
  public static let blockSize = 4096

  /// Whose turn it is at each position of a block, and how often that text had its turn in the block before.
  private let block: [Place]
  /// How many places of a block each text has.
  private let counts: [Int]

  /// A text, and the number of its sequences that came before.
  public struct Place: Sendable, Hashable {
    /// The number of the text.
    public var text: Int
    /// The position within the text's own order.
    public var position: Int
  }

  /// An order of as many texts as there are weights; nil if a text would have less than one place in a block.
  ///
  /// Traps unless there is a weight and all are positive and finite.
  public init?(weights: [Double]) {
    precondition(!weights.isEmpty && weights.allSatisfy { $0 > 0 && $0.isFinite }, "weights \(weights)")
    counts = Self.counts(weights)
    guard counts.allSatisfy({ $0 > 0 }) else { return nil }
    block = Self.block(counts)
  }

  /// Which text's turn it is at `position`.
  public func place(at position: Int) -> Place {
    let (blocks, index) = position.quotientAndRemainder(dividingBy: Self.blockSize)
    var place = block[index]
    place.position += blocks * counts[place.text]
    return place
  }

  /// How many of the first `position` sequences are of `text`.
  public func count(of text: Int, before position: Int) -> Int {
    let (blocks, rest) = position.quotientAndRemainder(dividingBy: Self.blockSize)
    return blocks * counts[text] + block[..<rest].reduce(0) { $1.text == text ? $0 + 1 : $0 }
  }

  /// The places of each text in a block: shares rounded down, and one more for those with the largest
  /// remainders.
  private static func counts(_ weights: [Double]) -> [Int] {
    // Divided by the largest first, so that the sum is finite.
    let largest = weights.max() ?? 1
    let sum = weights.reduce(0) { $0 + $1 / largest }
    let shares = weights.map { $0 / largest / sum * Double(blockSize) }
    var counts = shares.map { Int($0) }
    let byRemainder = shares.indices.sorted { a, b in
      let (x, y) = (shares[a] - Double(counts[a]), shares[b] - Double(counts[b]))
      return x == y ? a < b : x > y
    }
    for index in byRemainder.prefix(max(0, blockSize - counts.reduce(0, +))) { counts[index] += 1 }
    return counts
  }

  /// Whoever is furthest behind its share has the next place.
  private static func block(_ counts: [Int]) -> [Place] {
    var taken = Array(repeating: 0, count: counts.count)
    return (0..<blockSize).map { position in
      func lag(_ text: Int) -> Int { counts[text] * (position + 1) - taken[text] * blockSize }
      var next = 0
      for text in counts.indices.dropFirst() where lag(text) > lag(next) { next = text }
      defer { taken[next] += 1 }
      return Place(text: next, position: taken[next])
    }
  }
}
