import CastleFormats

/// The tokens of a vocabulary file, found by their bytes.
struct TokenNames {
  /// The bytes of each token; the place is the id.
  private(set) var tokens: [[UInt8]?] = []
  /// The tokens whose names are not in the byte alphabet, by name.
  private(set) var foreign: [String: Int32] = [:]
  /// The number of tokens, foreign ones included.
  private(set) var count = 0

  private var isTaken: [Bool] = []

  /// Ids, found by the hash of the bytes; -1 where a slot is empty.
  private var slots = [Int32](repeating: -1, count: 1 << 12)
  private var used = 0

  /// Adds a token by its name as it stands in the file.
  mutating func add(name: [UInt8], id: Int32, file: String) throws {
    guard id < Tokenizer.mostTokens else {
      throw InputError("\(file) has a token of id \(id); the largest accepted is \(Tokenizer.mostTokens - 1)")
    }
    func text() -> String { String(decoding: name, as: UTF8.self) }
    if tokens.count <= Int(id) {
      let more = Int(id) + 1 - tokens.count
      tokens.append(contentsOf: repeatElement(nil, count: more))
      isTaken.append(contentsOf: repeatElement(false, count: more))
    }
    guard !isTaken[Int(id)] else {
      throw InputError("\(file) gives id \(id) to two tokens, one of them \"\(text())\"")
    }
    isTaken[Int(id)] = true
    count += 1
    guard let bytes = name.withUnsafeBufferPointer(ByteAlphabet.decode), !bytes.isEmpty else {
      guard foreign.updateValue(id, forKey: text()) == nil else {
        throw InputError("\(file) has the token \"\(text())\" twice")
      }
      return
    }
    if 2 * used >= slots.count { grow() }
    let slot = slot(of: bytes)
    guard slots[slot] < 0 else { throw InputError("\(file) has the token \"\(text())\" twice") }
    slots[slot] = id
    used += 1
    tokens[Int(id)] = bytes
  }

  /// The id of the token with the given bytes.
  func id(_ bytes: [UInt8]) -> Int32? {
    let id = slots[slot(of: bytes)]
    return id < 0 ? nil : id
  }

  /// The id of the token whose name in the file is `content`.
  func id(named content: String) -> Int32? {
    if let id = foreign[content] { return id }
    var content = content
    return content.withUTF8(ByteAlphabet.decode).flatMap(id)
  }

  /// The slot that holds the token, or the empty one where it would go.
  private func slot(of bytes: [UInt8]) -> Int {
    let hash = ByteHash.of(bytes)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 29) & mask
    while slots[slot] >= 0, tokens[Int(slots[slot])]! != bytes {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let ids = slots.filter { $0 >= 0 }
    slots = Array(repeating: -1, count: 2 * slots.count)
    for id in ids { slots[slot(of: tokens[Int(id)]!)] = id }
  }
}
