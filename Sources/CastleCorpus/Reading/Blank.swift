import CastleFormats

/// Text that is only white space, which makes no document.
enum Blank {
  /// Whether `text` is empty or white space of ASCII.
  static func isBlank(_ text: some Sequence<UInt8>) -> Bool {
    text.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
  }
}

/// The first line of a file, which distinguishes JSON lines from text.
enum FirstLine {
  /// Whether the first line that is not blank begins an object with a text under `key`. `bytes` may end
  /// within it.
  static func isObject(_ bytes: [UInt8], withTextUnder key: String) -> Bool {
    guard bytes.first(where: { !Blank.isBlank([$0]) }) == UInt8(ascii: "{") else { return false }
    let start = bytes.firstIndex(of: UInt8(ascii: "{"))!
    let line = bytes[start...].prefix { $0 != UInt8(ascii: "\n") }
    return Array(line).withUnsafeBytes { line in
      var isFound = false
      var scanner = JSONScanner(line, name: "", requiresUTF8: false)
      // What is behind the end of `bytes` is missing, so that an error says nothing.
      try? scanner.object { scanner in
        if scanner.string.elementsEqual(key.utf8), scanner.isNext("\"") { isFound = true }
        try scanner.skipValue()
      }
      return isFound
    }
  }
}
