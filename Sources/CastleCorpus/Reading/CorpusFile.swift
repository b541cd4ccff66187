import CastleFormats
import CastleTokenizer
import Foundation

/// A file of a corpus.
struct CorpusFile: Sendable {
  /// Where the bytes come from.
  enum Origin: Sendable {
    /// A regular file.
    case file(String)
    /// A regular file that is open, from a place on.
    case open(FileDescriptor, start: Int)
    /// A pipe, and what has been read of it: it can be read only once.
    case pipe(FileDescriptor, prefix: [UInt8])
  }

  /// What a file is although its name does not say so.
  enum Surprise: Sendable {
    /// It is read as JSON lines.
    case isJSONLines
    /// It is read as text.
    case looksLikeJSONLines
  }

  /// What messages call the file.
  let path: String
  /// The path below the folder that was asked for, with a number if an earlier file has the same: no two
  /// files of a corpus have one name, and it is the same wherever the folders are.
  let name: String
  /// The size in bytes; 0 for a pipe.
  private(set) var byteCount: Int
  /// How the file holds its documents.
  let format: TextFormat
  /// What a user should know of the format.
  let surprise: Surprise?
  /// Whether something else than white space is among the first bytes.
  let startsWithText: Bool

  /// The hash of the first bytes of the text, at most ``hashedLength``.
  let startHash: UInt128

  private var origin: Origin
  private let compression: Compression?
  private let encoding: TextEncoding
  private let markLength: Int

  /// The first bytes of a file that are looked at.
  private static let prefixLength = 4096

  /// The number of first bytes of text, whatever byte order mark comes before them, that ``startHash`` is
  /// made of.
  static let hashedLength = 4000

  /// The first bytes of a pipe that are looked at; enough for the largest block that zstd compresses at once.
  static let pipePrefixLength = 1 << 18

  /// Looks at the first bytes of a file.
  ///
  /// - Throws: ``InputError`` if it cannot be read or is no text.
  init(_ origin: Origin, path: String, name: String, byteCount: Int, input: CorpusInput) throws {
    self.origin = origin
    self.path = path
    self.name = name
    self.byteCount = byteCount
    let prefix: [UInt8]
    if case .pipe(_, let bytes) = origin {
      prefix = bytes
    } else {
      prefix = try Self.source(origin, byteCount: byteCount, path: path).read(Self.prefixLength)
    }
    let outerKind = FileKind(firstBytes: prefix)
    compression = Compression(outerKind)
    var kind = outerKind
    var text = prefix
    if let compression {
      text = try Self.firstBytes(
        origin, prefix: prefix, compression: compression, byteCount: byteCount, path: path)
      kind = FileKind(firstBytes: text)
    }
    if let kind, !(kind.isText && input.format != nil) {
      throw InputError(
        subject: "\(path)", problem: "is \(kind.name), not the text that it should be",
        remedy: ErrorText(kind.remedyForText)
          + (kind.isText ? ", or read it as it is with \(.format("text"))" : ""))
    }
    (encoding, markLength) = TextEncoding.recognize(Array(text.prefix(Self.prefixLength)))
    let decoded = try Self.decoded(Array(text.prefix(Self.prefixLength).dropFirst(markLength)), encoding)
    startsWithText = !Blank.isBlank(decoded)
    startHash = Array(decoded.prefix(Self.hashedLength)).withUnsafeBufferPointer(ContentHash.of)
    let named = Self.format(ofName: name)
    let hasLines = FirstLine.isObject(decoded, withTextUnder: input.textKey)
    format = input.format ?? named ?? (hasLines ? .jsonLines : .text)
    switch (input.format, named) {
    case (nil, .text?) where hasLines: surprise = .looksLikeJSONLines
    case (nil, nil) where hasLines: surprise = .isJSONLines
    default: surprise = nil
    }
  }

  /// Whether the file can be read only once.
  var isPipe: Bool {
    if case .pipe = origin { true } else { false }
  }

  /// The number of bytes of text; nil if only reading shows it.
  var textByteCount: Int? {
    compression == nil && encoding == .utf8 && !isPipe ? byteCount - markLength : nil
  }

  /// Opens the file at the start of its text.
  ///
  /// - Throws: ``InputError`` if it cannot be read.
  func open() throws -> CorpusStream {
    let source = try Self.source(origin, byteCount: byteCount, path: path)
    let plain: any ByteSource = try compression?.decompressed(source, name: path) ?? source
    _ = try plain.read(markLength)
    return CorpusStream(
      source: source, text: WideTextSource(plain, encoding: encoding) ?? plain, isPlain: textByteCount != nil)
  }

  /// The same file in a temporary one beside `output`, so that it can be read more than once. `progress` is
  /// called with the number of bytes that are copied.
  func copied(beside output: String, progress: (Int) throws -> Void) throws -> CorpusFile {
    let source = try Self.source(origin, byteCount: byteCount, path: path)
    let file = try FileDescriptor.temporary(beside: output)
    let step = 1 << 20
    var bytes: [UInt8]
    repeat {
      bytes = try source.read(step)
      try file.write(bytes, name: "a copy of \(path) beside \(output)")
      try progress(source.byteCount)
    } while bytes.count == step
    var copy = self
    copy.origin = .open(file, start: 0)
    copy.byteCount = source.byteCount
    return copy
  }

  /// Where the bytes of an open file come from, and their number; 0 for a pipe, whose first bytes are read.
  static func origin(_ file: FileDescriptor, name: String) throws -> (Origin, byteCount: Int) {
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw SystemError.error("read", path: name) }
    if status.st_mode & S_IFMT == S_IFREG {
      let start = max(0, Int(lseek(file.number, 0, SEEK_CUR)))
      return (.open(file, start: start), max(0, Int(status.st_size) - start))
    }
    return (.pipe(file, prefix: try FileSource(pipe: file, name: name).read(pipePrefixLength)), 0)
  }

  private static func source(_ origin: Origin, byteCount: Int, path: String) throws -> FileSource {
    switch origin {
    case .file(let file):
      FileSource(try FileDescriptor(reading: file), range: 0..<byteCount, name: path)
    case .open(let file, let start): FileSource(file, range: start..<start + byteCount, name: path)
    case .pipe(let file, let prefix): FileSource(pipe: file, prefix: prefix, name: path)
    }
  }

  /// The first bytes of a compressed file. Those of a pipe are in what has been read of it, which may end
  /// anywhere.
  private static func firstBytes(
    _ origin: Origin, prefix: [UInt8], compression: Compression, byteCount: Int, path: String
  ) throws -> [UInt8] {
    guard case .pipe = origin else {
      let source = try source(origin, byteCount: byteCount, path: path)
      return try compression.decompressed(source, name: path).read(prefixLength)
    }
    let text = try compression.decompressed(MemorySource(prefix), name: path)
    guard prefix.count == pipePrefixLength else { return try text.read(prefixLength) }
    var bytes: [UInt8] = []
    while bytes.count < prefixLength, let more = try? text.read(64), !more.isEmpty { bytes += more }
    return bytes
  }

  private static func decoded(_ bytes: [UInt8], _ encoding: TextEncoding) throws -> [UInt8] {
    guard let source = WideTextSource(MemorySource(bytes), encoding: encoding) else { return bytes }
    return try source.read(2 * bytes.count)
  }
}

/// What names say.
extension CorpusFile {
  /// The endings of the names of text files, and after them those of JSON lines.
  static let endings = ["txt", "md", "text", "jsonl", "ndjson"]

  private static let lineEndings = ["jsonl", "ndjson"]

  /// How a file of that name holds documents, a second ending for compression left aside; nil if the name
  /// does not say.
  static func format(ofName name: String) -> TextFormat? {
    var parts = name.split(separator: "/").last?.split(separator: ".", omittingEmptySubsequences: false) ?? []
    if parts.count > 2, Compression.endings.contains(parts.last!.lowercased()) { parts.removeLast() }
    guard parts.count > 1, let ending = parts.last?.lowercased(), endings.contains(ending) else { return nil }
    return lineEndings.contains(ending) ? .jsonLines : .text
  }

  /// The ending of a name, such as ".pdf" or ".csv.gz".
  static func kind(ofName name: String) -> String {
    let parts = name.split(separator: "/").last?.lowercased().split(separator: ".") ?? []
    guard parts.count > 1 else { return "without an ending" }
    let isCompressed = parts.count > 2 && Compression.endings.contains(String(parts.last!))
    return FilePath.shown("." + parts.suffix(isCompressed ? 2 : 1).joined(separator: "."))
  }
}

/// The bytes of a file's text, front to back.
final class CorpusStream {
  /// Whether the text's bytes are those of the file.
  let isPlain: Bool

  private let source: FileSource
  private let text: any ByteSource

  init(source: FileSource, text: any ByteSource, isPlain: Bool) {
    self.source = source
    self.text = text
    self.isPlain = isPlain
  }

  /// The number of bytes of the file that have been read.
  var bytesRead: Int { source.byteCount }

  /// The number of bytes of text that are left; nil if only reading shows it.
  var remaining: Int? { isPlain ? source.remaining : nil }

  /// Appends the next `count` bytes to `bytes`, fewer only at the end. Returns their number.
  func read(_ count: Int, onto bytes: inout [UInt8]) throws -> Int {
    let more = try text.read(count)
    if bytes.isEmpty { bytes = more } else { bytes += more }
    return more.count
  }
}
