import Foundation

/// The limits that Linux control groups set on this process: those of its own group and of those above it.
package struct ControlGroups {
  /// How much the group with this folder leaves; nil if it sets no limit.
  private typealias Limit = (_ folder: String) -> Int?

  private let root: String

  /// The groups in the file system below `root`.
  package init(root: String = "") {
    self.root = root
  }

  /// The bytes that the tightest limit leaves; nil if there is none.
  package var availableMemory: Int? {
    tightest(
      "memory",
      firstVersion: {
        Self.memoryLeft(
          $0, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
          reclaimable: "total_inactive_file")
      },
      secondVersion: {
        Self.memoryLeft($0, limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file")
      })
  }

  /// The processors that the tightest quota pays for, rounded up; nil if there is none.
  package var processors: Int? {
    tightest(
      "cpu",
      firstVersion: { folder in
        guard let quota = Self.text(folder + "/cpu.cfs_quota_us"),
          let period = Self.text(folder + "/cpu.cfs_period_us")
        else { return nil }
        return Processors.count(inQuota: quota + " " + period)
      },
      secondVersion: { Self.text($0 + "/cpu.max").flatMap(Processors.count(inQuota:)) })
  }

  /// The tightest limit. Version 1 has a tree for each controller or for a few, version 2 one for all.
  private func tightest(_ controller: String, firstVersion: Limit, secondVersion: Limit) -> Int? {
    let lines = (Self.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n")
    return lines.flatMap { line -> [Int] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      let names = fields[1].split(separator: ",").map(String.init)
      let group = fields[2].split(separator: "/").map(String.init)
      if names.isEmpty { return limits(secondVersion, tree: "/sys/fs/cgroup", group) }
      guard names.contains(controller) else { return [] }
      // A tree of several controllers bears all their names, or has a link for each.
      return Set([controller, String(fields[1])]).flatMap {
        limits(firstVersion, tree: "/sys/fs/cgroup/" + $0, group)
      }
    }.min()
  }

  /// In a container the path is often that of the host, whose upper part is not to be seen: groups without
  /// files are passed over.
  private func limits(_ limit: Limit, tree: String, _ group: [String]) -> [Int] {
    (0...group.count).compactMap { depth in
      limit(([root + tree] + group.prefix(depth)).joined(separator: "/"))
    }
  }

  /// - Parameter reclaimable: The line of `memory.stat` with the file cache that the system takes back before
  ///   memory runs out.
  private static func memoryLeft(_ folder: String, limit: String, usage: String, reclaimable: String) -> Int?
  {
    func number(_ name: String) -> Int? {
      text(folder + "/" + name).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    guard let limit = number(limit), let usage = number(usage) else { return nil }
    let statistics = (text(folder + "/memory.stat") ?? "").split(separator: "\n")
    let line = statistics.first { $0.hasPrefix(reclaimable + " ") }
    let cache = line.flatMap { Int($0.dropFirst(reclaimable.count + 1)) } ?? 0
    return max(0, limit - max(0, usage - cache))
  }

  private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
