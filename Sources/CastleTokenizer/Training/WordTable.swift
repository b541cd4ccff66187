/// Counts words: a hash table from byte sequences to numbers.
package final class WordTable {
  /// The number of different words.
  package private(set) var count = 0

  /// An empty table.
  package init() {}

  private let preTokenizer = PreTokenizer()

  /// The bytes of all words, one after another.
  private var bytes: [UInt8] = []
  private var words: [Word] = []
  private var slots = [Int32](repeating: -1, count: 1 << 16)

  private struct Word {
    var offset: Int
    var length: Int32
    var hash: UInt32
    var count: Int
  }

  /// Counts `word` `times` more.
  package func add(_ word: UnsafeBufferPointer<UInt8>, times: Int = 1) {
    let hash = Self.hash(word)
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if words[index].hash == hash, isEqual(words[index], word) {
        words[index].count += times
        return
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(count)
    words.append(Word(offset: bytes.count, length: Int32(word.count), hash: hash, count: times))
    bytes.append(contentsOf: word)
    count += 1
    if 2 * count > slots.count { grow() }
  }

  /// Counts the words of `text`, cut as ``Tokenizer`` cuts it.
  package func add(wordsOf text: UnsafeBufferPointer<UInt8>) {
    guard let base = text.baseAddress else { return }
    var position = 0
    while position < text.count {
      let end = preTokenizer.wordEnd(base, from: position, to: text.count)
      add(UnsafeBufferPointer(rebasing: text[position..<end]))
      position = end
    }
  }

  /// Calls `body` with every word and its number.
  package func forEach(_ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        body(UnsafeBufferPointer(rebasing: bytes[word.offset..<word.offset + Int(word.length)]), word.count)
      }
    }
  }

  private func isEqual(_ known: Word, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
    guard Int(known.length) == word.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      for index in 0..<word.count where bytes[known.offset + index] != word[index] { return false }
      return true
    }
  }

  private func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    let mask = slots.count - 1
    for (index, word) in words.enumerated() {
      var slot = Int(word.hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(index)
    }
  }

  @inline(__always)
  private static func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let hash = ByteHash.of(word)
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
  }
}
