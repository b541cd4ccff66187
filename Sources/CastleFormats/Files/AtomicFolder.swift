import Foundation

/// A folder that appears under its name whole, or not at all.
public enum AtomicFolder {
  /// Calls `fill` with the path of an empty folder, which then takes the name `path`.
  ///
  /// If `fill` throws, nothing is left behind. What a killed process has left of a folder of this name is
  /// removed. Missing folders above `path` are made.
  ///
  /// A folder that has the name already is replaced only if `replaces` is true or it is empty: the two
  /// exchange their names in one step, and then the old one is removed. Where the file system cannot do that,
  /// the old one is moved aside first, and for a moment nothing has the name. If `path` is a symbolic link to
  /// a folder, that folder is replaced and the link stays.
  ///
  /// - Throws: ``InputError`` if the folder cannot be made, is there and not to be replaced, or something
  ///   else has the name; or the error of `fill`.
  public static func write(
    to path: String, replaces: Bool = false, _ fill: (_ folder: String) throws -> Void
  ) throws {
    let target = try destination(path)
    recoverAside(target)
    if let present = try entries(of: target), !present.isEmpty, !replaces {
      throw InputError("\(path) exists and is not empty: choose another folder or remove it")
    }
    try makeFolder(AtomicFile.folder(of: target))
    PartialFolder.removeAbandoned(beside: target)
    let partial = try PartialFolder(beside: target)
    do {
      try fill(partial.path)
      for name in try FilePath.tree(ofFolder: partial.path) {
        AtomicFile.syncFolder("\(partial.path)/\(name)")
      }
      AtomicFile.syncFolder(partial.path)
      try rename(partial.path, to: target, replaces: replaces)
    } catch {
      try? FilePath.remove(partial.path)
      throw error
    }
  }

  /// The names in the folder at `path`, nil if there is no such folder; throws if something else has the
  /// name.
  package static func entries(of path: String) throws -> [String]? {
    guard FilePath.exists(path) else { return nil }
    guard FilePath.isFolder(path) else { throw InputError("cannot write \(path): it is not a folder") }
    guard let names = FilePath.entries(ofFolder: path) else {
      throw SystemError.error("read the folder", path: path)
    }
    return names
  }

  private static func rename(_ temporary: String, to target: String, replaces: Bool) throws {
    var old: String?
    if !FilePath.rename(temporary, to: target) {
      // File systems differ in what they say of a name that is taken.
      guard replaces, FilePath.exists(target) else {
        throw SystemError.error("create the folder", path: target)
      }
      old = try exchange(temporary, target) ? temporary : moveAside(target, for: temporary)
    }
    AtomicFile.syncFolder(AtomicFile.folder(of: target))
    if let old { try? FilePath.remove(old) }
  }

  /// Lets two folders exchange their names; false where the system or the file system cannot.
  private static func exchange(_ first: String, _ second: String) -> Bool {
    #if canImport(Darwin)
      return FilePath.withSystemPath(first) { first in
        FilePath.withSystemPath(second) { renamex_np(first, $0, UInt32(RENAME_SWAP)) }
      } == 0
    #else
      // Swift's module of the C library leaves renameat2 and its flags out.
      typealias Rename =
        @convention(c) (
          Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
        ) -> Int32
      guard let symbol = dlsym(nil, "renameat2") else { return false }
      let exchange: UInt32 = 2
      return FilePath.withSystemPath(first) { first in
        FilePath.withSystemPath(second) {
          unsafeBitCast(symbol, to: Rename.self)(AT_FDCWD, first, AT_FDCWD, $0, exchange)
        }
      } == 0
    #endif
  }

  /// Gives the name of the folder `target` to `temporary` and returns the name that the old one has now.
  private static func moveAside(_ target: String, for temporary: String) throws -> String {
    let aside = AtomicFile.asideName(beside: target)
    try? FilePath.remove(aside)
    guard FilePath.rename(target, to: aside) else {
      throw SystemError.error("replace the folder", path: target)
    }
    guard FilePath.rename(temporary, to: target) else {
      let error = SystemError.error("create the folder", path: target)
      _ = FilePath.rename(aside, to: target)
      throw error
    }
    return aside
  }

  /// A process that was killed between the two steps has left no folder of the name: then the old one takes
  /// it again.
  private static func recoverAside(_ target: String) {
    let aside = AtomicFile.asideName(beside: target)
    if FilePath.exists(aside), !FilePath.exists(target) { _ = FilePath.rename(aside, to: target) }
  }

  /// Makes a folder and those above it that are missing, and brings their names to the disk.
  package static func makeFolder(_ path: String) throws {
    if let status = FilePath.status(path) {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw InputError("cannot write \(path): it is not a folder")
      }
      return
    }
    let parent = AtomicFile.folder(of: path)
    if parent != path { try makeFolder(parent) }
    guard FilePath.withSystemPath(path, { mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
      throw SystemError.error("create the folder", path: path)
    }
    AtomicFile.syncFolder(parent)
  }

  /// Where a folder named `path` is to be: if that is a symbolic link, where it leads.
  private static func destination(_ path: String) throws -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard FilePath.kind(path) == S_IFLNK else { return path }
    guard let target = FilePath.resolved(path) else {
      throw InputError("cannot write \(path): it is a link to a folder that does not exist")
    }
    return target
  }
}
