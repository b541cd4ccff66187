/// Where the ranking of tokens is cut: higher logits come first, among equal ones lower ids.
struct RankLimit: Sendable, Hashable {
  /// The logit of the last token that stays.
  var logit: Float
  /// Its place in the row, where ids ascend.
  var place: Int32

  /// Keeps all tokens.
  static let none = RankLimit(logit: -.infinity, place: .max)

  /// Whether a token stays.
  @inline(__always)
  func keeps(_ logit: Float, _ place: Int32) -> Bool {
    logit >= (place <= self.place ? self.logit : self.logit.nextUp)
  }

  /// The lowest logits that stay at a place and the seven that follow.
  @inline(__always)
  func floors(from place: Int) -> SIMD8<Float> {
    let tied = min(max(Int(self.place) + 1 - place, 0), 8)
    if tied == 8 { return SIMD8(repeating: logit) }
    var floors = SIMD8<Float>(repeating: logit.nextUp)
    for index in 0..<tied { floors[index] = logit }
    return floors
  }

  /// The limit that also drops the logits under `floor`.
  func raised(to floor: Float) -> RankLimit {
    floor > logit ? RankLimit(logit: floor, place: .max) : self
  }
}
