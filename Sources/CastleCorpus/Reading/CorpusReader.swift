import CastleFormats

/// Where the only document of a corpus is cut in two, the second part for validation.
struct CorpusCut: Sendable {
  /// The name of its file.
  var file: String
  /// The place in the text of the file.
  var place: Int
}

/// Reads the files of a corpus front to back in items of about ``itemBytes``, whatever their sizes.
///
/// Long documents are cut where their tokens do not depend on what is on the other side.
struct CorpusReader {
  /// How long an item becomes, unless there is no place to cut.
  static let itemBytes = 1 << 16

  /// The bytes of all files; those of pipes do not count.
  let totalBytes: Int

  private let files: [CorpusFile]
  private let cutter: PieceCutter
  private let cut: CorpusCut?
  private var next = 0
  private var file: OpenFile?
  private var bytesOfClosedFiles = 0

  /// A file that is being read.
  private struct OpenFile {
    var file: CorpusFile
    var stream: CorpusStream
    /// The place where the document is cut in two; nil if it is not, or behind the cut.
    var cut: Int?
    var isAfterCut = false
    /// Where the next bytes are read from.
    var offset = 0
    /// Bytes that belong to the next item.
    var rest: [UInt8] = []
    var state = PieceCutter.State()
  }

  /// A reader.
  init(_ files: [CorpusFile], cutter: PieceCutter, cut: CorpusCut? = nil) {
    self.files = files
    self.cutter = cutter
    self.cut = cut
    totalBytes = files.reduce(0) { $0 + $1.byteCount }
  }

  /// The next item, nil at the end.
  ///
  /// - Throws: ``InputError`` if a file cannot be read, is damaged or became shorter.
  mutating func nextItem() throws -> CorpusItem? {
    while true {
      if file == nil {
        guard next < files.count else { return nil }
        let file = files[next]
        next += 1
        self.file = OpenFile(
          file: file, stream: try file.open(), cut: cut?.file == file.name ? cut?.place : nil)
      }
      if let item = try readItem() { return item }
    }
  }

  /// Items for about `byteCount` bytes; none at the end.
  mutating func nextItems(byteCount: Int) throws -> [CorpusItem] {
    var items: [CorpusItem] = []
    var bytes = 0
    while bytes < byteCount, let item = try nextItem() {
      bytes += item.group.bytes.count
      items.append(item)
    }
    return items
  }

  /// The next item of the open file; nil if it holds no more, and then it is closed.
  private mutating func readItem() throws -> CorpusItem? {
    guard var open = file else { return nil }
    file = nil
    var bytes = open.rest
    open.rest = []
    while true {
      let limits = [open.cut.map { $0 - open.offset }, open.stream.remaining].compactMap { $0 }
      let wanted = min(max(Self.itemBytes - bytes.count, bytes.count, 1), limits.min() ?? .max)
      let got = try open.stream.read(wanted, onto: &bytes)
      open.offset += got
      let isAtEnd = got < wanted || open.stream.remaining == 0
      let isAtCut = open.offset == open.cut
      let firstLine = open.state.line
      let (pieces, used) = cutter.cut(
        bytes, format: open.file.format, isAtEnd: isAtEnd || isAtCut, state: &open.state)
      if !isAtEnd && !isAtCut && used == 0 { continue }
      let rest = Array(bytes[used...])
      let bytesRead = bytesOfClosedFiles + open.stream.bytesRead - (open.stream.isPlain ? rest.count : 0)
      let isAfterCut = open.isAfterCut
      if isAtEnd {
        bytesOfClosedFiles += open.stream.bytesRead
      } else {
        open.rest = rest
        if isAtCut {
          open.cut = nil
          open.isAfterCut = true
          open.state = PieceCutter.State()
        }
        file = open
      }
      guard !pieces.isEmpty else { return nil }
      let group = PieceGroup(
        bytes: bytes, pieces: pieces, format: open.file.format, path: open.file.path, firstLine: firstLine)
      return CorpusItem(
        group: group, file: open.file, offset: open.offset - bytes.count, isAfterCut: isAfterCut,
        bytesRead: bytesRead)
    }
  }
}
