extension UTF8Decoding {
  /// The number of bytes that are no part of a character in UTF-8.
  package static func invalidByteCount(_ text: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = text.baseAddress else { return 0 }
    var count = 0
    var index = validPrefix(base, count: text.count)
    while index < text.count {
      count += 1
      index += 1
      index += validPrefix(base + index, count: text.count - index)
    }
    return count
  }
}
