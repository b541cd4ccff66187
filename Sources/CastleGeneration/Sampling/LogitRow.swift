/// The logits of one choice, and weights in proportion to the probabilities.
///
/// Weights are whole numbers, 2ᵏ · exp((logit − best) / temperature) rounded, where k is the largest for
/// which sums of as many weights are exact in a `Double`, at most 38. So what is chosen does not depend on
/// the order in which they are added, nor on the machine. A token of less than 2⁻ᵏ⁻¹ of the best one's
/// probability has the weight 0.
struct LogitRow: Sendable {
  /// Eight logits or weights at a time.
  typealias Vector = SIMD8<Float>

  /// The number of tokens in the row.
  private(set) var count = 0
  /// The highest logit.
  private(set) var best = -Float.infinity
  /// What the logits were divided by for the weights.
  private(set) var temperature: Float = 1
  /// The logits, filled up with −∞ to whole vectors.
  private(set) var logits: [Float] = []
  /// The weights, filled up with 0.
  private(set) var weights: [Float] = []

  /// The ids of the tokens in ascending order; empty as long as all are there, and the places are the ids.
  private var tokens: [Int32] = []

  /// No token has a weight above 0 whose logit is further below the best than this times the temperature:
  /// 39 · ln 2.
  static let reach: Float = 27.1

  /// Takes in the logits of the next choice.
  mutating func load(_ values: some Sequence<Float>) {
    logits.removeAll(keepingCapacity: true)
    logits.append(contentsOf: values)
    tokens.removeAll(keepingCapacity: true)
    fill(count: logits.count)
  }

  private mutating func fill(count: Int) {
    self.count = count
    let rest = -count & (Vector.scalarCount - 1)
    logits.append(contentsOf: repeatElement(-.infinity, count: rest))
  }

  /// The logit at a place of the row.
  subscript(place: Int) -> Float {
    get { logits[place] }
    set { logits[place] = newValue }
  }

  /// The id of the token at a place of the row.
  func token(at place: Int) -> Int32 {
    tokens.isEmpty ? Int32(truncatingIfNeeded: place) : tokens[place]
  }

  /// Finds the highest logit; returns a place where it is NaN or +∞, if there is one.
  mutating func findBest() -> Int? {
    var highest = Vector(repeating: -.infinity)
    var isSound = SIMDMask<SIMD8<Int32>>(repeating: true)
    logits.withVectors(logits.indices) { _, vector in
      isSound = isSound .& (vector .< .infinity)
      highest.replace(with: vector, where: vector .> highest)
    }
    best = highest.max()
    return all(isSound) ? nil : logits.firstIndex { !($0 < .infinity) }
  }

  /// The first place of the highest logit.
  var bestPlace: Int { logits.firstIndex(of: best) ?? 0 }

  /// Drops the tokens that `limit` does not let stay.
  mutating func keep(_ limit: RankLimit) {
    var kept = 0
    logits.withUnsafeMutableBufferPointer { logits in
      for place in 0..<count where limit.keeps(logits[place], Int32(truncatingIfNeeded: place)) {
        tokens.append(Int32(truncatingIfNeeded: place))
        logits[kept] = logits[place]
        kept += 1
      }
    }
    logits.removeLast(logits.count - kept)
    fill(count: kept)
  }

  /// Computes the weights. Needs ``findBest()``; `temperature` is positive.
  mutating func weigh(temperature: Float) {
    self.temperature = temperature
    let best = best
    let exponent = min(38, 53 - (Int.bitWidth - count.leadingZeroBitCount))
    weights.removeAll(keepingCapacity: true)
    weights.append(contentsOf: repeatElement(0, count: logits.count))
    weights.withUnsafeMutableBytes { weights in
      logits.withVectors(logits.indices) { place, logits in
        let weight = Self.exponential((logits - best) / temperature, scaledBy: UInt32(exponent))
        weights.storeBytes(of: Self.rounded(weight), toByteOffset: 4 * place, as: Vector.self)
      }
    }
  }

  /// 2ᵏ · exp(x) for x ≤ 0, within 3 · 10⁻⁷ of its value. The polynomial is that of Cephes' `expf`.
  @inline(__always)
  static func exponential(_ exponent: Vector, scaledBy k: UInt32) -> Vector {
    var x = Vector(repeating: -40)
    x.replace(with: exponent, where: exponent .> x)
    // Adding 1.5 · 2²³ rounds to a whole number, which the low bits of the sum hold.
    let shifted = x * 1.442_695_04 + 12_582_912
    let power = shifted - 12_582_912
    let rest = x - power * 0.693_359_375 + power * 2.121_944_4e-4
    var sum = rest * 1.987_569_15e-4 + 1.398_199_95e-3
    sum = sum * rest + 8.333_451_9e-3
    sum = sum * rest + 4.166_579_6e-2
    sum = sum * rest + 1.666_666_55e-1
    sum = sum * rest + 0.5
    sum = sum * (rest * rest) + rest + 1
    let bits = unsafeBitCast(shifted, to: SIMD8<UInt32>.self)
    return sum * unsafeBitCast((bits &+ (127 + k)) &<< 23, to: Vector.self)
  }

  /// The nearest whole numbers. From 2²³ on there are no others.
  @inline(__always)
  private static func rounded(_ x: Vector) -> Vector {
    ((x + 8_388_608) - 8_388_608).replacing(with: x, where: x .>= 8_388_608)
  }

  /// The place, among those that `limit` lets stay, in whose weight a share of the whole falls: `share` is
  /// from 0 to below 1, and the weights are side by side in the order of the ids.
  func place(at share: Double, within limit: RankLimit) -> Int {
    let sums = blockSums(within: limit)
    let total = sums.reduce(0, +)
    var rest = min((share * total).rounded(.down), total - 1)
    var block = 0
    while rest >= sums[block] {
      rest -= sums[block]
      block += 1
    }
    for place in block * Self.blockSize..<count
    where limit.keeps(logits[place], Int32(truncatingIfNeeded: place)) {
      rest -= Double(weights[place])
      if rest < 0 { return place }
    }
    return bestPlace
  }

  private static let blockSize = 512

  /// The sums of the weights that `limit` lets stay, of so many places each.
  private func blockSums(within limit: RankLimit) -> [Double] {
    stride(from: 0, to: count, by: Self.blockSize).map { first in
      var sum = SIMD4<Double>.zero
      logits.withVectors(first..<min(first + Self.blockSize, logits.count)) { place, logits in
        let weight = weights.vector(at: place)
        let kept = weight.replacing(with: Vector.zero, where: logits .< limit.floors(from: place))
        sum += SIMD4<Double>(kept.lowHalf) + SIMD4<Double>(kept.highHalf)
      }
      return sum.sum()
    }
  }
}

extension [Float] {
  /// Eight elements.
  @inline(__always)
  func vector(at place: Int) -> SIMD8<Float> {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4 * place, as: SIMD8<Float>.self) }
  }

  /// Calls `body` with each eight of the elements at `places` and the place of the first. There are whole
  /// vectors only.
  @inline(__always)
  func withVectors(_ places: Range<Int>, _ body: (_ place: Int, _ vector: SIMD8<Float>) -> Void) {
    withUnsafeBytes { bytes in
      for place in stride(from: places.lowerBound, to: places.upperBound, by: 8) {
        body(place, bytes.loadUnaligned(fromByteOffset: 4 * place, as: SIMD8<Float>.self))
      }
    }
  }
}
