/// Numbers distinct texts in order of first occurrence, by their hashes.
///
/// Takes 16 bytes a text, and 5 to 11 for the index.
struct ContentTable {
  private var hashes: [UInt128] = []
  /// One more than the number of a text, at the place that its hash says or after it; 0 is free.
  private var slots = [UInt32](repeating: 0, count: 1 << 10)

  /// The number of texts.
  var count: Int { hashes.count }

  /// The number of the text with that hash. A new one is added and gets the number ``count``.
  mutating func number(_ hash: UInt128) -> Int {
    if 4 * (hashes.count + 1) > 3 * slots.count { grow() }
    let slot = slot(of: hash)
    if slots[slot] > 0 { return Int(slots[slot]) - 1 }
    hashes.append(hash)
    slots[slot] = UInt32(hashes.count)
    return hashes.count - 1
  }

  /// Where a text is, or the free place where it belongs.
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
