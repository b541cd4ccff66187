import Foundation

/// The limits that Linux control groups set on the memory of this process: of its own group and of those above it.
package struct ControlGroups {
  /// The files of one version of control groups.
  private struct Version {
    /// What `/proc/self/cgroup` calls the controller; version 2 has no name.
    var controller: String
    var folder: String
    var limit: String
    var usage: String
    /// The line of `memory.stat` with the file cache that the system takes back before memory runs out.
    var reclaimable: String
  }

  private static let versions = [
    Version(
      controller: "", folder: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current",
      reclaimable: "inactive_file"),
    Version(
      controller: "memory", folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes",
      usage: "memory.usage_in_bytes", reclaimable: "total_inactive_file"),
  ]

  private let root: String

  /// The groups in the file system below `root`.
  package init(root: String = "") {
    self.root = root
  }

  /// The bytes that the tightest limit leaves; nil if there is none.
  package var available: Int? {
    let lines = (Self.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n")
    return lines.compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard let version = Self.versions.first(where: { fields.count == 3 && fields[1] == $0.controller })
      else {
        return nil
      }
      return available(version, group: fields[2])
    }.min()
  }

  /// In a container the path is often that of the host, whose upper part is not to be seen: groups without files are passed
  /// over.
  private func available(_ version: Version, group: Substring) -> Int? {
    let names = group.split(separator: "/").map(String.init)
    return (0...names.count).compactMap { depth in
      let folder = [root + version.folder] + names.prefix(depth)
      return left(version, folder: folder.joined(separator: "/"))
    }.min()
  }

  private func left(_ version: Version, folder: String) -> Int? {
    func number(_ name: String) -> Int? {
      Self.text(folder + "/" + name).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    guard let limit = number(version.limit), let usage = number(version.usage) else { return nil }
    let statistics = (Self.text(folder + "/memory.stat") ?? "").split(separator: "\n")
    let line = statistics.first { $0.hasPrefix(version.reclaimable + " ") }
    let reclaimable = line.flatMap { Int($0.dropFirst(version.reclaimable.count + 1)) } ?? 0
    return max(0, limit - max(0, usage - reclaimable))
  }

  private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
