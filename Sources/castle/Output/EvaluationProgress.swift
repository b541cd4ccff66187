import CastleConsole
import CastleFormats
import CastleSystem
import Foundation

/// Says how far an evaluation is and when it will end; Ctrl-C ends it.
final class EvaluationProgress {
  private let line = ProgressLine()
  private let start = ProcessInfo.processInfo.systemUptime
  private let isShown: Bool

  /// Progress that is shown, or of a rank that says nothing.
  init(isShown: Bool = true) { self.isShown = isShown }

  /// Shows that `share` of the work is done. False if someone asked to end.
  func update(_ share: Double, of name: String = "") -> Bool {
    guard !Interruption.isRequested else { return false }
    guard isShown, share > 0 else { return true }
    let passed = ProcessInfo.processInfo.systemUptime - start
    let rest = NumberFormat.duration(passed / share - passed)
    let name = name.isEmpty ? "" : " " + name
    line.update("evaluating\(name)  \(NumberFormat.fixed(share * 100, 0)) %  eta \(rest)")
    return true
  }

  /// Takes the line off the terminal.
  func clear() { line.clear() }
}
