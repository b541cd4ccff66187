/// Contents that have been met, numbered in their order, by their hashes: 16 bytes each and 5 to 11 for
/// finding them.
struct ContentTable {
  private var hashes: [UInt128] = []
  /// One more than the numbers of contents, at the places that their hashes say or behind; 0 is free.
  private var slots = [UInt32](repeating: 0, count: 1 << 10)

  /// The number of contents.
  var count: Int { hashes.count }

  /// The number of the content with that hash; it is ``count`` if it is new, and then it is added.
  mutating func number(_ hash: UInt128) -> Int {
    if 4 * (hashes.count + 1) > 3 * slots.count { grow() }
    let slot = slot(of: hash)
    if slots[slot] > 0 { return Int(slots[slot]) - 1 }
    hashes.append(hash)
    slots[slot] = UInt32(hashes.count)
    return hashes.count - 1
  }

  /// Where a content is, or the free place where it belongs.
  private func slot(of hash: UInt128) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] > 0, hashes[Int(slots[slot]) - 1] != hash { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: 2 * slots.count)
    for (index, hash) in hashes.enumerated() { slots[slot(of: hash)] = UInt32(index + 1) }
  }
}
