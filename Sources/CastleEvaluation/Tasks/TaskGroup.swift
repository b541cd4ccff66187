import CastleFormats

/// The sets of one folder, whose mean is a score of its own, or a single file.
public struct TaskGroup: Sendable {
  /// The name of the folder or file.
  public let name: String
  /// Its path.
  public let path: String
  /// The sets, in order of their paths; at least one.
  public let sets: [TaskSet]
  /// Whether the path names a folder.
  public let isFolder: Bool

  /// Reads a file, or all files ending in `.jsonl` of a folder and the folders in it.
  ///
  /// - Throws: ``InputError`` if there is nothing at `path`, or a file is not as ``TaskSet/init(path:)``
  ///   asks.
  public init(path: String) throws {
    guard FilePath.exists(path) else {
      throw InputError("there is no task file or folder \(path)")
    }
    self.path = path
    isFolder = FilePath.isFolder(path)
    name = Self.name(of: path)
    guard isFolder else {
      sets = [try TaskSet(path: path)]
      return
    }
    let files = try Self.files(in: path)
    guard !files.isEmpty else {
      throw InputError("the folder \(path) holds no task file; their names end in .jsonl")
    }
    sets = try files.map { try TaskSet(path: $0) }
  }

  /// The last part of a path that says something: "blimp" for `blimp/data`.
  private static func name(of path: String) -> String {
    var parts = FilePath.absolute(path).split(separator: "/")
    if parts.count > 1, parts.last == "data" { parts.removeLast() }
    return FilePath.stem(of: String(parts.last ?? "/"))
  }

  private static func files(in folder: String) throws -> [String] {
    try FilePath.tree(ofFolder: folder)
      .filter { $0.hasSuffix(".jsonl") && !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
      .sorted().map { FilePath.path($0, in: folder) }
  }
}
