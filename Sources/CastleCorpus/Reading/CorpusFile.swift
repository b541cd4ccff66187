import CastleFormats
import Foundation

/// A file of a corpus.
struct CorpusFile: Sendable {
  /// How the documents lie in a file.
  enum Format: Sendable {
    /// The file is one document, or several with lines between them that hold only the separator.
    case text
    /// Every line is a JSON object whose member "text" is a document.
    case jsonLines
  }

  /// Where the file lies.
  var path: String
  /// The path below the folder that was asked for, with a number if an earlier file has the same: no two files of a
  /// corpus have one name, and it is the same wherever the folders lie.
  var name: String
  /// The size in bytes.
  var byteCount: Int
  /// How the documents lie in the file.
  var format: Format

  /// The endings of the names that are taken from folders.
  static let extensions = ["txt", "md", "jsonl"]

  /// All files at the given paths, those of folders and folders in folders in order of their names.
  ///
  /// From folders come the files whose names end in one of ``extensions``; names that start with a dot are left
  /// out. A file that is named itself is taken whatever its name; `.jsonl` are JSON lines, all others text.
  ///
  /// - Throws: ``InputError`` if a path does not exist or cannot be read, or there is nothing to read.
  static func find(_ paths: [String]) throws -> [CorpusFile] {
    var finder = Finder()
    for path in paths {
      try finder.add(path, name: (path as NSString).lastPathComponent, isNamed: true)
    }
    guard !finder.files.isEmpty else {
      throw InputError(
        "there is no \(extensions.map { "." + $0 }.joined(separator: ", ")) file in "
          + paths.joined(separator: ", "))
    }
    guard finder.files.contains(where: { $0.byteCount > 0 }) else {
      throw InputError("the corpus is empty: \(paths.joined(separator: ", ")) holds no text")
    }
    return finder.files
  }

  fileprivate init(path: String, name: String, byteCount: Int) {
    self.path = path
    self.name = name
    self.byteCount = byteCount
    format = path.hasSuffix(".jsonl") ? .jsonLines : .text
  }
}

/// Walks through folders.
private struct Finder {
  private(set) var files: [CorpusFile] = []

  /// How many files have had each path below a folder that was asked for.
  private var timesMet: [String: Int] = [:]

  /// The folders on the way to the present one, so that a link to one of them does not lead round in circles.
  private var folders: [Identity] = []

  private struct Identity: Equatable {
    var device: dev_t
    var inode: ino_t
  }

  mutating func add(_ path: String, name: String, isNamed: Bool) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw SystemError.error("read", path: path) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      let identity = Identity(device: status.st_dev, inode: status.st_ino)
      guard !folders.contains(identity) else { return }
      folders.append(identity)
      try addFolder(path, name: isNamed ? "" : name + "/")
      folders.removeLast()
    case S_IFREG where isNamed || CorpusFile.extensions.contains((path as NSString).pathExtension):
      guard access(path, R_OK) == 0 else { throw SystemError.error("read", path: path) }
      let times = timesMet[name, default: 0]
      timesMet[name] = times + 1
      // No path has a zero byte, so that no other file has this name.
      let unique = times == 0 ? name : "\(name)\0\(times)"
      files.append(CorpusFile(path: path, name: unique, byteCount: Int(status.st_size)))
    case S_IFREG:
      return
    default:
      if isNamed { throw InputError("cannot read \(path): it is neither a file nor a folder") }
    }
  }

  private mutating func addFolder(_ path: String, name: String) throws {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw SystemError.error("read", path: path)
    }
    for entry in entries.sorted() where !entry.hasPrefix(".") {
      try add((path as NSString).appendingPathComponent(entry), name: name + entry, isNamed: false)
    }
  }
}
