package import Foundation

/// Files and folders by their paths, whatever bytes these are.
extension FilePath {
  /// What the system says of the file at `path`, links followed; nil if it cannot be found.
  package static func status(_ path: String) -> stat? {
    var status = stat()
    return withSystemPath(path) { stat($0, &status) } == 0 ? status : nil
  }

  /// The names in a folder but `.` and `..`, in order of their bytes; nil if it cannot be read.
  package static func entries(ofFolder path: String) -> [String]? {
    guard let folder = withSystemPath(path, { opendir($0) }) else { return nil }
    defer { closedir(folder) }
    var names: [[UInt8]] = []
    while let entry = readdir(folder) {
      let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
      let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
      names.append(Array(UnsafeRawBufferPointer(start: name, count: strlen(name))))
    }
    let hidden: [[UInt8]] = [Array(".".utf8), Array("..".utf8)]
    return names.filter { !hidden.contains($0) }.sorted { $0.lexicographicallyPrecedes($1) }.map(text)
  }

  /// Whether there is something at `path`, links followed.
  package static func exists(_ path: String) -> Bool { status(path) != nil }

  /// Whether there is a folder at `path`, links followed.
  package static func isFolder(_ path: String) -> Bool { status(path).map { $0.st_mode & S_IFMT } == S_IFDIR }

  /// What is at `path`, links not followed: `S_IFREG`, `S_IFDIR`, `S_IFLNK` or another; nil if there is
  /// nothing.
  package static func kind(_ path: String) -> mode_t? {
    var status = stat()
    return withSystemPath(path) { lstat($0, &status) } == 0 ? status.st_mode & S_IFMT : nil
  }

  /// The bytes of a file; nil if it cannot be read.
  package static func contents(_ path: String) -> Data? {
    try? MappedFile(path: path).withBytes { Data($0) }
  }

  /// Opens a file as the system's `open` does; negative if that fails.
  package static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0o666) -> Int32 {
    withSystemPath(path) { Foundation.open($0, flags | O_CLOEXEC, mode) }
  }

  /// Removes a file, a link, or a folder with all that is in it, if there is one.
  ///
  /// - Throws: ``InputError`` that names what cannot be removed.
  package static func remove(_ path: String) throws {
    guard let kind = kind(path) else { return }
    guard kind == S_IFDIR else {
      guard withSystemPath(path, unlink) == 0 || errno == ENOENT else {
        throw SystemError.error("remove", path: shown(path))
      }
      return
    }
    for name in entries(ofFolder: path) ?? [] { try remove(path + "/" + name) }
    guard withSystemPath(path, rmdir) == 0 || errno == ENOENT else {
      throw SystemError.error("remove", path: shown(path))
    }
  }

  /// Gives a file or folder another name, in place of what has it; false, with `errno`, if that cannot be
  /// done.
  package static func rename(_ path: String, to name: String) -> Bool {
    withSystemPath(path) { old in withSystemPath(name) { Foundation.rename(old, $0) } } == 0
  }

  /// Gives a file or folder a name that nothing has.
  ///
  /// - Throws: ``InputError`` if something has it, or it cannot be done.
  package static func move(_ path: String, to name: String) throws {
    guard kind(name) == nil else {
      throw InputError("cannot move \(shown(path)) to \(shown(name)), which is there already")
    }
    guard rename(path, to: name) else { throw SystemError.error("move", path: shown(path)) }
  }

  /// Makes a symbolic link at `path` that leads to `target`; false if that cannot be done.
  package static func makeLink(at path: String, to target: String) -> Bool {
    withSystemPath(path) { path in withSystemPath(target) { symlink($0, path) } } == 0
  }

  /// Where the link at `path` leads, as it says; nil if it is none.
  package static func target(ofLink path: String) -> String? {
    let room = Int(PATH_MAX)
    var bytes = [CChar](repeating: 0, count: room)
    let count = withSystemPath(path) { readlink($0, &bytes, room) }
    return count > 0 ? text(bytes.prefix(count).map(UInt8.init(bitPattern:))) : nil
  }

  /// The full path without links; nil if there is nothing at `path`.
  package static func resolved(_ path: String) -> String? {
    guard let resolved = withSystemPath(path, { realpath($0, nil) }) else { return nil }
    defer { free(resolved) }
    return text(Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved))))
  }

  /// All files and folders below a folder, by their paths from there, in order; links to folders are not
  /// followed.
  ///
  /// - Throws: ``InputError`` that names a folder that cannot be read.
  package static func tree(ofFolder path: String) throws -> [String] {
    guard let names = entries(ofFolder: path) else {
      throw SystemError.error("read the folder", path: shown(path))
    }
    return try names.flatMap { name in
      let inner = path + "/" + name
      return [name] + (kind(inner) == S_IFDIR ? try tree(ofFolder: inner).map { name + "/" + $0 } : [])
    }
  }

  /// The full path without `.` and `..`; links stay, and nothing need be there.
  package static func absolute(_ path: String) -> String {
    let full = path.hasPrefix("/") ? path : (resolved(".") ?? "") + "/" + path
    var parts: [Substring] = []
    for part in full.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The last part of a path; the path itself where it has none, as `/`.
  package static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// A name without its ending: `a.b` for `a.b.txt`.
  package static func stem(of name: String) -> String {
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
    return String(name[..<dot])
  }

  /// The path of `name` in a folder.
  package static func path(_ name: String, in folder: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
