import CastleFormats
import CastleTokenizer

/// How a file holds documents.
public enum TextFormat: String, Sendable, CaseIterable {
  /// The file is one document, or several with lines between them that hold only the separator.
  case text
  /// Every line is a JSON object with the document under one of its keys.
  case jsonLines = "jsonl"
}

/// Which text is read, and how.
///
/// Files are text or JSON lines, each also compressed by gzip or zstd, in UTF-8, UTF-16 or UTF-32. What a
/// file is shows in its first bytes and the ending of its name: `.txt`, `.md` and `.text` are text, `.jsonl`
/// and `.ndjson` JSON lines, in upper or lower case and before `.gz` or `.zst`. Files of other names, and
/// standard input, are JSON lines if their first line is an object with a text, and else text. What is no
/// text, such as a Parquet table, is refused by name. A byte order mark at the start of a file is left out.
public struct CorpusInput: Sendable {
  /// Files and folders, `-` for standard input; `~` is the home folder.
  ///
  /// From folders, and folders in folders, come the files with one of the endings in order of their names;
  /// names that start with a dot are left out. A file that is named itself is taken whatever its name.
  public var paths: [String]
  /// Files that name more files and folders, one a line, or with a zero byte after each; `-` for standard
  /// input.
  public var lists: [String] = []
  /// How all files hold documents, whatever their names; all files in folders are taken then. Nil: as each
  /// file says.
  public var format: TextFormat?
  /// The key of a JSON line that holds the text.
  public var textKey = "text"

  /// The text at `paths`.
  public init(_ paths: [String] = []) {
    self.paths = paths
  }

  /// The files, in order, the same file once. `note` gets what is left out and what is unusual.
  ///
  /// - Throws: ``InputError`` if something cannot be read or is no text, or there is nothing to read.
  func files(note: (ErrorText) -> Void) throws -> [CorpusFile] {
    let all = try paths + lists.flatMap(listedPaths)
    let shown = all.prefix(3).map(FilePath.shown).joined(separator: ", ") + (all.count > 3 ? ", …" : "")
    guard all.count(where: { $0 == "-" }) + lists.count(where: { $0 == "-" }) < 2 else {
      throw InputError("- is named more than once, but standard input can be read only once")
    }
    var finder = CorpusFinder(input: self)
    for path in all { try finder.add(path) }
    finder.notes.forEach(note)
    guard !finder.files.isEmpty else {
      let endings = CorpusFile.endings.map { "." + $0 }.joined(separator: ", ")
      throw InputError(
        problem: "there is no \(endings) file in \(shown)",
        remedy: "name files themselves, or take every file with \(.format("text")) or \(.format("jsonl"))")
    }
    guard finder.files.contains(where: { $0.byteCount > 0 || $0.isPipe }) else {
      throw InputError("the corpus is empty: \(shown) holds no text")
    }
    return finder.files
  }

  private func listedPaths(_ list: String) throws -> [String] {
    let bytes: [UInt8]
    let name: String
    if list == "-" {
      name = "standard input"
      bytes = try Self.all(FileSource(pipe: .standardInput, name: name))
    } else {
      let path = FilePath.expanded(list)
      name = FilePath.shown(path)
      bytes = try Self.all(FileSource(pipe: FileDescriptor(reading: path), name: name))
    }
    let end: UInt8 = bytes.contains(0) ? 0 : UInt8(ascii: "\n")
    let paths = bytes.split(separator: end).map { line in
      FilePath.text(Array(end != 0 && line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
    }.filter { !$0.isEmpty }
    guard !paths.isEmpty else { throw InputError("\(name) lists no files") }
    return paths
  }

  private static func all(_ source: FileSource) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let step = 1 << 16
    while true {
      let more = try source.read(step)
      bytes += more
      if more.count < step { return bytes }
    }
  }
}
