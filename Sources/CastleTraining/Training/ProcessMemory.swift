import Foundation

/// The memory of this process and of the machine.
public enum ProcessMemory {
  /// The largest amount of memory that the process has held, in bytes.
  public static var peak: Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #endif
  }

  /// The bytes that the process can still take: what the system calls available, or what the process group's limit leaves.
  /// Nil where the system does not say.
  public static var available: Int? {
    #if os(Linux)
      let limits = [systemAvailable, groupAvailable].compactMap { $0 }
      return limits.min()
    #else
      return Int(clamping: ProcessInfo.processInfo.physicalMemory)
    #endif
  }

  #if os(Linux)
    private static var systemAvailable: Int? {
      guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") })
      else { return nil }
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    private static var groupAvailable: Int? {
      func number(_ name: String) -> Int? {
        (try? String(contentsOfFile: "/sys/fs/cgroup/" + name, encoding: .utf8))
          .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      }
      guard let limit = number("memory.max"), let used = number("memory.current") else { return nil }
      return max(0, limit - used)
    }
  #endif
}
