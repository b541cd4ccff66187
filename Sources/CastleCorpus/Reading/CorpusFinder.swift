import CastleFormats
import Foundation

/// Finds the files of a corpus.
struct CorpusFinder {
  /// The files, in order.
  private(set) var files: [CorpusFile] = []

  private let input: CorpusInput

  /// How many files have had each path below a folder that was asked for.
  private var timesMet: [String: Int] = [:]

  /// The folders on the way to the present one, so that a link to one of them does not lead round in circles.
  private var folders: [Identity] = []

  /// The first path of each file.
  private var firstPaths: [Identity: String] = [:]

  /// Paths of files that have been met before.
  private var repeated = Examples()

  /// How many files of each kind were skipped in folders.
  private var skipped: [String: Int] = [:]

  /// Files of text that look like JSON lines.
  private var unexpectedLines = Examples()

  /// Files that are JSON lines though their names do not say so.
  private var recognizedLines = Examples()

  private struct Identity: Hashable {
    var device: dev_t
    var inode: ino_t
  }

  /// Some of many names, for a note.
  private struct Examples {
    var first = ""
    var count = 0

    mutating func add(_ name: String) {
      if count == 0 { first = name }
      count += 1
    }

    /// "a.txt", or "a.txt and 4 other files".
    var text: String {
      count < 2 ? first : "\(first) and \(NumberFormat.count(count - 1, "other file"))"
    }
  }

  init(input: CorpusInput) {
    self.input = input
  }

  /// What a user should know of what was found.
  var notes: [ErrorText] {
    var notes: [ErrorText] = []
    if repeated.count > 0 {
      notes.append("note: \(repeated.text), named or linked more than once, counted once")
    }
    if !skipped.isEmpty {
      let kinds = skipped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .map { "\(NumberFormat.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
      notes.append("note: skipped \(kinds); files of every name are read with \(.format("text"))")
    }
    if unexpectedLines.count > 0 {
      notes.append(
        "note: \(unexpectedLines.text) looks like JSON lines with \"\(input.textKey)\", "
          + "but is read as text as named; its documents are read with \(.format("jsonl"))")
    }
    if recognizedLines.count > 0 {
      notes.append(
        "note: \(recognizedLines.text) is read as JSON lines with \"\(input.textKey)\"; "
          + "as plain text with \(.format("text"))")
    }
    return notes
  }

  /// Adds what `path`, given by the user, names.
  mutating func add(_ path: String) throws {
    if path == "-" { return try addDescriptor(.standardInput, name: "standard input", path: path) }
    let path = FilePath.expanded(path)
    try add(path, name: Self.lastName(path), isNamed: true)
  }

  private mutating func add(_ path: String, name: String, isNamed: Bool) throws {
    guard let status = FilePath.status(path) else {
      throw SystemError.error("read", path: FilePath.shown(path))
    }
    let identity = Identity(device: status.st_dev, inode: status.st_ino)
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard !folders.contains(identity) else { return }
      folders.append(identity)
      try addFolder(path, name: isNamed ? "" : name + "/")
      folders.removeLast()
    case S_IFREG:
      guard isNamed || input.format != nil || CorpusFile.format(ofName: name) != nil else {
        skipped[CorpusFile.kind(ofName: name), default: 0] += 1
        return
      }
      guard firstPaths.updateValue(path, forKey: identity) == nil else {
        return repeated.add(FilePath.shown(path))
      }
      try add(
        CorpusFile.Origin.file(path), name: name, path: path, byteCount: Int(status.st_size))
    case S_IFIFO where isNamed:
      try addDescriptor(FileDescriptor(reading: path), name: FilePath.shown(path), path: name)
    default:
      guard isNamed else { return }
      throw InputError("cannot read \(FilePath.shown(path)): it is neither a file nor a folder")
    }
  }

  /// Adds a file that is open. One that is a regular file can be read more than once.
  private mutating func addDescriptor(_ file: FileDescriptor, name: String, path: String) throws {
    let (origin, byteCount) = try CorpusFile.origin(file, name: name)
    try add(origin, name: path, path: name, byteCount: byteCount)
  }

  private mutating func add(
    _ origin: CorpusFile.Origin, name: String, path: String, byteCount: Int
  ) throws {
    let times = timesMet[name, default: 0]
    timesMet[name] = times + 1
    // No path has a zero byte, so that no other file has this name.
    let unique = times == 0 ? name : "\(name)\0\(times)"
    let file = try CorpusFile(
      origin, path: FilePath.shown(path), name: unique, byteCount: byteCount, input: input)
    if file.surprise == .looksLikeJSONLines { unexpectedLines.add(file.path) }
    if file.surprise == .isJSONLines { recognizedLines.add(file.path) }
    files.append(file)
  }

  private mutating func addFolder(_ path: String, name: String) throws {
    guard let entries = FilePath.entries(ofFolder: path) else {
      throw SystemError.error("read", path: FilePath.shown(path))
    }
    for entry in entries where !entry.hasPrefix(".") {
      try add(path.hasSuffix("/") ? path + entry : "\(path)/\(entry)", name: name + entry, isNamed: false)
    }
  }

  private static func lastName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
