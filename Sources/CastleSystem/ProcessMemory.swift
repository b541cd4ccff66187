import Foundation

/// The memory of this process and of the machine.
package enum ProcessMemory {
  /// The largest amount of memory that the process has held, in bytes.
  package static var peak: Int {
    #if os(Linux)
      // The usage of resources would count what the parent held when it started this process.
      if let peak = status("VmHWM:") { return peak }
    #endif
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #endif
  }

  /// The memory that the process holds now, in bytes; where the system does not say, the largest amount so
  /// far.
  package static var current: Int {
    #if os(Linux)
      return status("VmRSS:") ?? peak
    #else
      return peak
    #endif
  }

  /// The bytes that the process can still take: what the system calls available, or what the limit of a
  /// control group leaves, if that is less. Nil where the system does not say.
  package static var available: Int? {
    #if os(Linux)
      let limits = [systemAvailable, ControlGroups().availableMemory].compactMap { $0 }
      return limits.min()
    #else
      return Int(clamping: ProcessInfo.processInfo.physicalMemory)
    #endif
  }

  #if os(Linux)
    private static var systemAvailable: Int? { size("MemAvailable:", in: "/proc/meminfo") }

    private static func status(_ name: String) -> Int? { size(name, in: "/proc/self/status") }

    /// The number of kilobytes that a line beginning with `name` states, in bytes.
    private static func size(_ name: String, in path: String) -> Int? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) })
      else { return nil }
      let fields = line.dropFirst(name.count).split(whereSeparator: { $0 == " " || $0 == "\t" })
      return fields.first.flatMap { Int($0) }.map { $0 * 1024 }
    }
  #endif
}
