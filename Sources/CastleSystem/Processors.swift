import Foundation

/// The processors that this process may use. The commands take no more threads than `BackendOptions` allows.
public enum Processors {
  /// The number of processors that this process may run on: on Linux those of its affinity mask, and no more
  /// than its control group and those above it pay for.
  public static var available: Int {
    let active = ProcessInfo.processInfo.activeProcessorCount
    #if os(Linux)
      let allowed = contents("/proc/self/status").flatMap(count(inStatus:)) ?? active
      let paid = ControlGroups().processors ?? active
      return max(1, min(active, allowed, paid))
    #else
      return max(1, active)
    #endif
  }

  /// Which processors this process may run on, as a text that is the same for processes that share them;
  /// empty where the system does not say.
  package static var affinity: String {
    #if os(Linux)
      let line = contents("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
      return line.map(String.init) ?? ""
    #else
      return ""
    #endif
  }

  /// The number of processors in the affinity mask of a Linux process, from the text of its `/proc/…/status`.
  package static func count(inStatus status: String) -> Int? {
    let name = "Cpus_allowed:"
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    let digits = line.dropFirst(name.count).compactMap(\.hexDigitValue)
    return digits.isEmpty ? nil : digits.reduce(0) { $0 + $1.nonzeroBitCount }
  }

  /// The processors that `quota`, "microseconds period" as in a control group's `cpu.max`, pays for, rounded
  /// up; nil if there is no limit.
  package static func count(inQuota quota: String) -> Int? {
    let numbers = quota.split(whereSeparator: \.isWhitespace).map { Double($0) }
    guard numbers.count == 2, let time = numbers[0], let period = numbers[1], time > 0, period > 0 else {
      return nil
    }
    let processors = (time / period).rounded(.up)
    return processors < 1e6 ? Int(processors) : nil
  }

  #if os(Linux)
    private static func contents(_ path: String) -> String? {
      try? String(contentsOfFile: path, encoding: .utf8)
    }
  #endif
}
