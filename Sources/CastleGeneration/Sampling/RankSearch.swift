/// Finds where to cut the ranking of tokens without sorting it.
///
/// The tokens are sorted into buckets of equal width by their logits. The limit is in one bucket; what is
/// in it is divided again, until so few are left that sorting them costs nothing. The order is total and the
/// sums are exact, so the limit is that of the sorted ranking.
struct RankSearch: Sendable {
  private var sums = [Double](repeating: 0, count: bucketCount)
  private var buckets: [Int32] = []
  private var members: [Int32] = []

  private static let bucketCount = 1024
  private static let fewMembers = 64
  private static let mostDivisions = 4

  /// The limit of top-k: keeps the `count` best tokens.
  mutating func limit(_ row: LogitRow, toBest count: Int, temperature: Float) -> RankLimit {
    limit(row, width: LogitRow.reach * temperature, amount: { _ in 1 }, need: { _ in Double(count) })
  }

  /// The limit of top-p: keeps the fewest best tokens whose weights add up to at least `share` of all.
  mutating func limit(_ row: LogitRow, toShare share: Double) -> RankLimit {
    row.weights.withUnsafeBufferPointer { weights in
      limit(
        row, width: LogitRow.reach * row.temperature, amount: { Double(weights[$0]) }, need: { share * $0 })
    }
  }

  /// The limit at which the sum of `amount` along the ranking comes to what `need` says of the sum of all.
  @inline(__always)
  private mutating func limit(
    _ row: LogitRow, width: Float, amount: (Int) -> Double, need: (Double) -> Double
  ) -> RankLimit {
    findBuckets(row, width: width)
    for bucket in sums.indices { sums[bucket] = 0 }
    sums.withUnsafeMutableBufferPointer { sums in
      buckets.withUnsafeBufferPointer { buckets in
        for place in 0..<row.count { sums[Int(buckets[place])] += amount(place) }
      }
    }
    let need = need(sums.reduce(0, +))
    var before = 0.0
    guard let bucket = bucket(reaching: need, from: &before) else { return .none }
    collectMembers(of: bucket, count: row.count)
    return row.logits.withUnsafeBufferPointer { logits in
      divideMembers(logits, amount: amount, need: need, before: &before)
      members.sort { (logits[Int($1)], $0) < (logits[Int($0)], $1) }
      for place in members {
        before += amount(Int(place))
        if before >= need { return RankLimit(logit: logits[Int(place)], place: place) }
      }
      return .none
    }
  }

  /// Sorts all places of the row into buckets from its highest logit down; what is below `width` is in the
  /// last one.
  private mutating func findBuckets(_ row: LogitRow, width: Float) {
    let scale = BucketScale(top: row.best, width: width)
    buckets.removeAll(keepingCapacity: true)
    buckets.append(contentsOf: repeatElement(0, count: row.logits.count))
    buckets.withUnsafeMutableBytes { buckets in
      row.logits.withVectors(row.logits.indices) { place, logits in
        buckets.storeBytes(of: scale.buckets(logits), toByteOffset: 4 * place, as: SIMD8<Int32>.self)
      }
    }
  }

  private mutating func collectMembers(of bucket: Int, count: Int) {
    let wanted = SIMD8<Int32>(repeating: Int32(bucket))
    members.removeAll(keepingCapacity: true)
    buckets.withUnsafeBytes { bytes in
      let buckets = bytes.bindMemory(to: Int32.self)
      for start in stride(from: 0, to: count, by: 8) {
        let vector = bytes.loadUnaligned(fromByteOffset: 4 * start, as: SIMD8<Int32>.self)
        guard any(vector .== wanted) else { continue }
        for place in start..<min(start + 8, count) where buckets[place] == Int32(bucket) {
          members.append(Int32(truncatingIfNeeded: place))
        }
      }
    }
  }

  /// Keeps the members of the bucket in which the limit is, again and again.
  @inline(__always)
  private mutating func divideMembers(
    _ logits: UnsafeBufferPointer<Float>, amount: (Int) -> Double, need: Double, before: inout Double
  ) {
    for _ in 0..<Self.mostDivisions where members.count > Self.fewMembers {
      var (low, high) = (Float.infinity, -Float.infinity)
      for place in members {
        low = min(low, logits[Int(place)])
        high = max(high, logits[Int(place)])
      }
      guard low < high else { return }
      let scale = BucketScale(top: high, width: high - low)
      for bucket in sums.indices { sums[bucket] = 0 }
      for place in members { sums[scale.bucket(logits[Int(place)])] += amount(Int(place)) }
      guard let bucket = bucket(reaching: need, from: &before) else { return }
      members.removeAll { scale.bucket(logits[Int($0)]) != bucket }
    }
  }

  /// The bucket in which the sum comes to `need`; what the buckets above hold is added to `before`.
  private func bucket(reaching need: Double, from before: inout Double) -> Int? {
    for bucket in sums.indices {
      let sum = before + sums[bucket]
      if sum >= need { return bucket }
      before = sum
    }
    return nil
  }

  /// Buckets of equal width from a highest logit down. A lower logit never has an earlier bucket.
  private struct BucketScale {
    private let top: Float
    private let scale: Float

    init(top: Float, width: Float) {
      self.top = top
      scale = min(Float(bucketCount) / min(width, .greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }

    /// The bucket of a logit.
    func bucket(_ logit: Float) -> Int {
      Int(buckets(SIMD8(repeating: logit))[0])
    }

    /// The buckets of eight logits.
    @inline(__always)
    func buckets(_ logits: SIMD8<Float>) -> SIMD8<Int32> {
      let distance = (top - logits) * scale
      var bounded = SIMD8<Float>(repeating: Float(bucketCount - 1))
      bounded.replace(with: distance, where: distance .< bounded)
      // Adding 2²³ rounds to a whole number, which the low bits of the sum hold.
      return unsafeBitCast(bounded + 8_388_608, to: SIMD8<Int32>.self) & 0x7F_FFFF
    }
  }
}
