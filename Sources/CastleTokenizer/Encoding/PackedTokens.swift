/// The bytes of many tokens, one after another; the place is the id.
struct PackedTokens: Sendable {
  private var bytes: [UInt8] = []
  private var offsets: [Int] = [0]

  /// The tokens; none where there is nothing.
  init(_ tokens: [[UInt8]?]) {
    offsets.reserveCapacity(tokens.count + 1)
    for token in tokens {
      if let token { bytes.append(contentsOf: token) }
      offsets.append(bytes.count)
    }
  }

  /// The number of tokens, those without bytes included.
  var count: Int { offsets.count - 1 }

  subscript(id: Int) -> ArraySlice<UInt8> { bytes[offsets[id]..<offsets[id + 1]] }
}

/// Finds tokens by their bytes.
struct TokenIndex: Sendable {
  /// Ids, found by the hash of the bytes; -1 where a slot is empty.
  private var slots: [Int32]

  /// An index of all tokens that have bytes.
  init(_ tokens: PackedTokens) {
    var size = 1 << 4
    while size < 2 * tokens.count { size *= 2 }
    slots = Array(repeating: -1, count: size)
    for id in 0..<tokens.count where !tokens[id].isEmpty {
      var slot = Self.slot(tokens[id], size)
      while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = Int32(id)
    }
  }

  /// The id of the token of the given bytes among the `tokens` that the index was made of.
  func id(of bytes: some Collection<UInt8>, in tokens: PackedTokens) -> Int32? {
    var slot = Self.slot(bytes, slots.count)
    while slots[slot] >= 0 {
      if tokens[Int(slots[slot])].elementsEqual(bytes) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private static func slot(_ bytes: some Sequence<UInt8>, _ size: Int) -> Int {
    let hash = ByteHash.of(bytes)
    return Int(truncatingIfNeeded: hash ^ hash >> 29) & (size - 1)
  }
}
