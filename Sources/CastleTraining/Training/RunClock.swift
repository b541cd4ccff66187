import Foundation

/// How long a run has worked, interruptions left out.
struct RunClock {
  private let secondsBefore: Double
  private let stepsBefore: Int
  private let start = ProcessInfo.processInfo.systemUptime

  /// Starts for a run that has already done `steps` steps in `seconds` seconds.
  init(secondsBefore seconds: Double, stepsBefore steps: Int) {
    secondsBefore = seconds
    stepsBefore = steps
  }

  /// The seconds since the run began, interruptions left out.
  var seconds: Double { secondsBefore + sinceStart }

  private var sinceStart: Double { ProcessInfo.processInfo.systemUptime - start }

  /// The seconds that the rest of `total` steps takes after `step` of them, if it goes on like the steps
  /// since this clock started.
  func remaining(after step: Int, of total: Int) -> Double {
    step > stepsBefore ? sinceStart / Double(step - stepsBefore) * Double(total - step) : .infinity
  }
}
