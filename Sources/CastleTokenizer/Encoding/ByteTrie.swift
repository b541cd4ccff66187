/// Byte sequences with a number each, found by walking along their bytes.
struct ByteTrie: Sendable {
  /// The number of the sequence that ends at each node, -1 if none does. The root is node 0.
  private var values: [Int32] = [-1]

  /// The edges: the node that a byte leads to from another node, in a table with open addressing.
  private var keys = [UInt64](repeating: .max, count: 1 << 8)
  private var children = [Int32](repeating: -1, count: 1 << 8)

  /// Adds a sequence; one that is there already keeps its first number.
  mutating func insert(_ bytes: some Sequence<UInt8>, value: Int32) {
    var node: Int32 = 0
    for byte in bytes {
      if let next = child(of: node, byte) {
        node = next
        continue
      }
      values.append(-1)
      if 2 * values.count > keys.count { grow() }
      let next = Int32(values.count - 1)
      set(Self.key(node, byte), next)
      node = next
    }
    if values[Int(node)] < 0 { values[Int(node)] = value }
  }

  /// The longest sequence that the text starts with: its number and its length.
  @inline(__always)
  func longest(_ text: UnsafePointer<UInt8>, count: Int) -> (value: Int32, length: Int)? {
    var node: Int32 = 0
    var found: (Int32, Int)?
    var length = 0
    while length < count, let next = child(of: node, text[length]) {
      node = next
      length += 1
      if values[Int(node)] >= 0 { found = (values[Int(node)], length) }
    }
    return found
  }

  @inline(__always)
  private func child(of node: Int32, _ byte: UInt8) -> Int32? {
    let key = Self.key(node, byte)
    var slot = self.slot(key)
    while keys[slot] != .max {
      if keys[slot] == key { return children[slot] }
      slot = (slot + 1) & (keys.count - 1)
    }
    return nil
  }

  private mutating func set(_ key: UInt64, _ child: Int32) {
    var slot = self.slot(key)
    while keys[slot] != .max { slot = (slot + 1) & (keys.count - 1) }
    keys[slot] = key
    children[slot] = child
  }

  private mutating func grow() {
    let old = zip(keys, children).filter { $0.0 != .max }
    keys = Array(repeating: .max, count: 2 * keys.count)
    children = Array(repeating: -1, count: keys.count)
    for (key, child) in old { set(key, child) }
  }

  @inline(__always)
  private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
    UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
  }

  @inline(__always)
  private func slot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (keys.count - 1)
  }
}
