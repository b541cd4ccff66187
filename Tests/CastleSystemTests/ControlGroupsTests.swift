import CastleMeasurement
import CastleSystem
import CastleTraining
import Foundation
import Testing

struct ControlGroupsTests {
  private let system: TemporaryFolder

  init() throws { system = try TemporaryFolder() }

  private func write(_ files: [String: String]) throws {
    for (name, text) in files {
      let url = URL(fileURLWithPath: system.path + "/" + name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
  }

  private var available: Int? { ControlGroups(root: system.path).availableMemory }

  private var processors: Int? { ControlGroups(root: system.path).processors }

  @Test func withoutGroupsThereIsNoLimit() throws {
    #expect(available == nil)
    try write(["proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"])
    #expect(available == nil)
  }

  @Test func theOwnGroupCountsAndWhatTheSystemCanTakeBackIsFree() throws {
    try write([
      "proc/self/cgroup": "0::/user/run\n",
      "sys/fs/cgroup/user/run/memory.max": "1000\n", "sys/fs/cgroup/user/run/memory.current": "900\n",
      "sys/fs/cgroup/user/run/memory.stat": "anon 300\ninactive_file 500\nactive_file 100\n",
    ])
    #expect(available == 600)
  }

  @Test func theTightestLimitAboveCounts() throws {
    try write([
      "proc/self/cgroup": "0::/user/run\n",
      "sys/fs/cgroup/user/run/memory.max": "1000\n", "sys/fs/cgroup/user/run/memory.current": "100\n",
      "sys/fs/cgroup/user/memory.max": "600\n", "sys/fs/cgroup/user/memory.current": "500\n",
    ])
    #expect(available == 100)
    try write(["sys/fs/cgroup/memory.max": "600\n", "sys/fs/cgroup/memory.current": "700\n"])
    #expect(available == 0)
  }

  @Test func theFirstVersionIsReadToo() throws {
    try write([
      "proc/self/cgroup": "4:memory:/run\n1:cpu,cpuacct:/\n0::/\n",
      "sys/fs/cgroup/memory/run/memory.limit_in_bytes": "1000\n",
      "sys/fs/cgroup/memory/run/memory.usage_in_bytes": "800\n",
      "sys/fs/cgroup/memory/run/memory.stat": "inactive_file 1\ntotal_inactive_file 300\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "800\n",
    ])
    #expect(available == 500)
  }

  /// A container that does not know where its group lies among those of the host.
  @Test func aPathThatIsNotThereIsPassedOver() throws {
    try write([
      "proc/self/cgroup": "0::/host/container:1\n",
      "sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "100\n",
    ])
    #expect(available == 900)
  }

  @Test func theSmallestQuotaOfProcessorsUpToTheRootCounts() throws {
    #expect(processors == nil)
    try write([
      "proc/self/cgroup": "0::/user/run\n", "sys/fs/cgroup/user/run/cpu.max": "max 100000\n",
      "sys/fs/cgroup/cpu.max": "max 100000\n",
    ])
    #expect(processors == nil)
    try write(["sys/fs/cgroup/user/cpu.max": "250000 100000\n"])
    #expect(processors == 3)
    try write(["sys/fs/cgroup/user/run/cpu.max": "50000 100000\n"])
    #expect(processors == 1)
  }

  /// The controllers of processors share a tree, which has a link of each name or that of all.
  @Test(arguments: ["cpu", "cpu,cpuacct"])
  func quotasOfTheFirstVersionAreReadToo(tree: String) throws {
    try write([
      "proc/self/cgroup": "4:memory:/run\n3:cpu,cpuacct:/a/b\n2:cpuset:/a\n0::/\n",
      "sys/fs/cgroup/\(tree)/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/\(tree)/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/\(tree)/a/cpu.cfs_quota_us": "400000\n",
      "sys/fs/cgroup/\(tree)/a/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/\(tree)/a/b/cpu.cfs_quota_us": "600000\n",
      "sys/fs/cgroup/\(tree)/a/b/cpu.cfs_period_us": "100000\n",
    ])
    #expect(processors == 4)
  }
}
