import CastleFormats
import CastleTokenizer

/// The text of a whole file in memory, read as ``CorpusInput`` says: decompressed, in UTF-8, without a byte
/// order mark; what is no text is refused by name.
package struct TextFile {
  /// The text. It may have bytes that are not UTF-8.
  package let bytes: [UInt8]

  /// Reads the file, pipe or device at `path`; nil is standard input.
  ///
  /// - Throws: ``InputError`` if it cannot be read or is no text.
  package init(path: String?) throws {
    let name = path.map(FilePath.shown) ?? "standard input"
    let descriptor = try path.map { try FileDescriptor(reading: $0) } ?? .standardInput
    let (origin, byteCount) = try CorpusFile.origin(descriptor, name: name)
    var input = CorpusInput()
    input.format = .text
    let file = try CorpusFile(origin, path: name, name: name, byteCount: byteCount, input: input)
    let stream = try file.open()
    var bytes: [UInt8] = []
    let step = 1 << 20
    while try stream.read(step, onto: &bytes) == step {}
    self.bytes = bytes
  }

  /// Whether a file of that name holds JSON lines.
  package static func hasJSONLines(_ path: String) -> Bool { CorpusFile.format(ofName: path) == .jsonLines }

  /// What to tell people whose text has bytes that are not UTF-8, where they are replaced; nil if it has
  /// none.
  package static func note(_ bytes: [UInt8]) -> String? {
    let count = bytes.withUnsafeBufferPointer(UTF8Decoding.invalidByteCount)
    return count > 0 ? "note: \(NumberFormat.count(count, "byte")) not in UTF-8, replaced with U+FFFD" : nil
  }
}
