/// The generator SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014),
/// as a function of its state.
package enum SplitMix64 {
  /// What the state grows by with every number.
  package static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// The number after the state `value`. Every bit of it depends on every bit of `value`, and no two states
  /// give the same.
  package static func mixed(_ value: UInt64) -> UInt64 {
    var mixed = value &+ increment
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
