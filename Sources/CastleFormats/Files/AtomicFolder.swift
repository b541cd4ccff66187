import Foundation

/// A folder that appears under its name whole, or not at all.
public enum AtomicFolder {
  /// Calls `fill` with the path of an empty folder, which then takes the name `path`.
  ///
  /// If `fill` throws, nothing is left behind. A folder that has the name already is replaced only if `replaces`
  /// is true or it is empty; it is moved aside first, so that one of the two is complete at every moment.
  /// Missing folders above `path` are made.
  public static func write(
    to path: String, replaces: Bool = false, _ fill: (_ folder: String) throws -> Void
  ) throws {
    let manager = FileManager.default
    let target = normalised(path)
    let present = try entries(of: target)
    if let present, !present.isEmpty, !replaces {
      throw InputError("\(path) exists and is not empty: choose another folder or remove it")
    }
    let parent = AtomicFile.folder(of: target)
    let temporary = AtomicFile.temporaryName(beside: target)
    do {
      try manager.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try manager.createDirectory(atPath: temporary, withIntermediateDirectories: false)
    } catch {
      throw InputError("cannot create the folder \(path): \(SystemError.text)")
    }
    do {
      try fill(temporary)
      for name in try manager.subpathsOfDirectory(atPath: temporary) {
        AtomicFile.syncFolder("\(temporary)/\(name)")
      }
      AtomicFile.syncFolder(temporary)
      try rename(temporary, to: target, replacing: present != nil)
    } catch {
      try? manager.removeItem(atPath: temporary)
      throw error
    }
    AtomicFile.syncFolder(parent)
  }

  /// The names in the folder at `path`, nil if there is no such folder; throws if something else has the name.
  static func entries(of path: String) throws -> [String]? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    guard isFolder.boolValue else { throw InputError("cannot write \(path): it is not a folder") }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw InputError("cannot read the folder \(path): \(SystemError.text)")
    }
  }

  private static func rename(_ temporary: String, to target: String, replacing: Bool) throws {
    let aside = AtomicFile.temporaryName(beside: target)
    if replacing, Foundation.rename(target, aside) != 0 {
      throw InputError("cannot replace the folder \(target): \(SystemError.text)")
    }
    guard Foundation.rename(temporary, target) == 0 else {
      let reason = SystemError.text
      if replacing { _ = Foundation.rename(aside, target) }
      throw InputError("cannot create the folder \(target): \(reason)")
    }
    if replacing { try? FileManager.default.removeItem(atPath: aside) }
  }

  private static func normalised(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
