import CastleFormats

/// The tokens of a vocabulary file, found by their names. Names are bytes: two that `String` takes for equal,
/// such as U+03A9 and U+2126, are two.
struct TokenNames {
  /// The name of each token; the place is the id.
  private(set) var names: [[UInt8]?] = []
  /// The number of tokens.
  private(set) var count = 0

  /// Ids, found by the hash of the name; -1 where a slot is empty.
  private var slots = [Int32](repeating: -1, count: 1 << 12)

  /// Adds a token by its name as it stands in the file.
  mutating func add(name: [UInt8], id: Int32, file: String) throws {
    guard id < Tokenizer.mostTokens else {
      throw InputError("\(file) has a token of id \(id); the largest accepted is \(Tokenizer.mostTokens - 1)")
    }
    func text() -> String { String(decoding: name, as: UTF8.self) }
    if names.count <= Int(id) {
      names.append(contentsOf: repeatElement(nil, count: Int(id) + 1 - names.count))
    }
    guard names[Int(id)] == nil else {
      throw InputError("\(file) gives id \(id) to two tokens, one of them \"\(text())\"")
    }
    guard !name.isEmpty else { throw InputError("\(file) has a token without a name, of id \(id)") }
    if 2 * count >= slots.count { grow() }
    let slot = slot(of: name)
    guard slots[slot] < 0 else { throw InputError("\(file) has the token \"\(text())\" twice") }
    slots[slot] = id
    count += 1
    names[Int(id)] = name
  }

  /// The id of the token named `name`.
  func id(_ name: some Collection<UInt8>) -> Int32? {
    let id = slots[slot(of: name)]
    return id < 0 ? nil : id
  }

  /// The tokens as they are in pre-tokens, and the names of those that no pre-token can have.
  func tokens(isByteLevel: Bool) -> (vocabulary: [[UInt8]?], strangers: [Int32: [UInt8]]) {
    guard isByteLevel else { return (names, [:]) }
    var strangers: [Int32: [UInt8]] = [:]
    let vocabulary = names.enumerated().map { id, name -> [UInt8]? in
      guard let name else { return nil }
      if let bytes = name.withUnsafeBufferPointer(ByteAlphabet.decode) { return bytes }
      strangers[Int32(id)] = name
      return nil
    }
    return (vocabulary, strangers)
  }

  /// The slot that holds the token, or the empty one where it would go.
  private func slot(of name: some Collection<UInt8>) -> Int {
    let hash = ByteHash.of(name)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 29) & mask
    while slots[slot] >= 0, !names[Int(slots[slot])]!.elementsEqual(name) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let ids = slots.filter { $0 >= 0 }
    slots = Array(repeating: -1, count: 2 * slots.count)
    for id in ids { slots[slot(of: names[Int(id)]!)] = id }
  }
}
