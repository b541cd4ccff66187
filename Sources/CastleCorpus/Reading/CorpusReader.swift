import CastleFormats
import Foundation

/// Reads the files of a corpus front to back in items of about ``itemBytes``, whatever their sizes.
///
/// Long documents are cut where their tokens do not depend on what is on the other side.
struct CorpusReader {
  /// How long an item becomes, unless there is no place to cut.
  static let itemBytes = 1 << 16

  /// The bytes of all files.
  let totalBytes: Int

  private let sections: [Section]
  private let cutter: PieceCutter
  private var next = 0
  private var file: OpenFile?
  private var bytesRead = 0

  /// A stretch of a file that begins and ends with documents.
  private struct Section {
    var file: CorpusFile
    var range: Range<Int>
    var isAfterCut = false
  }

  /// A section that is being read.
  private struct OpenFile {
    var section: Section
    var handle: ReadableFile
    /// Where the next bytes are read from.
    var offset: Int
    /// Bytes that belong to the next item.
    var rest: [UInt8] = []
    var state = PieceCutter.State()
  }

  /// A reader.
  ///
  /// - Parameter cut: Where the only document of the only file is cut in two; nil if it is not.
  init(_ files: [CorpusFile], cutter: PieceCutter, cut: Int? = nil) {
    totalBytes = files.reduce(0) { $0 + $1.byteCount }
    self.cutter = cutter
    sections = files.flatMap { file in
      let all = 0..<file.byteCount
      guard let cut else { return [Section(file: file, range: all)] }
      return [
        Section(file: file, range: 0..<cut),
        Section(file: file, range: cut..<file.byteCount, isAfterCut: true),
      ]
    }
  }

  /// The next item, nil at the end.
  ///
  /// - Throws: ``InputError`` if a file cannot be read or became shorter.
  mutating func nextItem() throws -> CorpusItem? {
    while true {
      if file == nil {
        guard next < sections.count else { return nil }
        let section = sections[next]
        next += 1
        file = OpenFile(
          section: section, handle: try ReadableFile(reading: section.file.path),
          offset: section.range.lowerBound)
      }
      if let item = try readItem() { return item }
    }
  }

  /// Items for about `byteCount` bytes; none at the end.
  mutating func nextItems(byteCount: Int) throws -> [CorpusItem] {
    var items: [CorpusItem] = []
    var bytes = 0
    while bytes < byteCount, let item = try nextItem() {
      bytes += item.bytes.count
      items.append(item)
    }
    return items
  }

  /// The next item of the open section; nil if it holds no more, and then it is closed.
  private mutating func readItem() throws -> CorpusItem? {
    guard var open = file else { return nil }
    file = nil
    var bytes = open.rest
    open.rest = []
    let end = open.section.range.upperBound
    while true {
      let wanted = min(max(Self.itemBytes - bytes.count, bytes.count, 1), end - open.offset)
      try open.handle.read(wanted, at: open.offset, onto: &bytes)
      open.offset += wanted
      bytesRead += wanted
      let isAtEnd = open.offset == end
      let firstLine = open.state.line
      let (pieces, used) = cutter.cut(
        bytes, format: open.section.file.format, isAtEnd: isAtEnd, state: &open.state)
      if !isAtEnd && used == 0 { continue }
      open.rest = Array(bytes[used...])
      if !isAtEnd { file = open }
      guard !pieces.isEmpty else { return nil }
      return CorpusItem(
        bytes: bytes, pieces: pieces, file: open.section.file, offset: open.offset - bytes.count,
        isAfterCut: open.section.isAfterCut, firstLine: firstLine, bytesRead: bytesRead - open.rest.count)
    }
  }
}
