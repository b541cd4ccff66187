import Foundation

/// Says on standard error how far a run is: one line that renews itself on a terminal, plain lines now and
/// then elsewhere.
package final class ProgressLine {
  private let isLive: Bool
  private let interval: Double
  private var lastTime = -Double.infinity
  private var isLineOpen = false

  /// A progress line. Plain lines come at most every `interval` seconds.
  package init(interval: Double = 5) {
    isLive = isatty(STDERR_FILENO) != 0
    self.interval = interval
  }

  /// Shows the present state, in parts with two spaces between them; `isDue` shows it even if plain lines
  /// would wait.
  ///
  /// On a terminal, the last parts are left out that do not fit: only the last row of a longer line would
  /// renew itself.
  package func update(_ text: String, isDue: Bool = false) {
    let now = ProcessInfo.processInfo.systemUptime
    let pause = isLive ? 0.1 : interval
    guard isDue || now - lastTime >= pause else { return }
    lastTime = now
    if isLive {
      StandardError.write("\r\u{1b}[2K" + Self.fitted(text))
      isLineOpen = true
    } else {
      StandardError.write(text + "\n")
    }
  }

  /// Shows a line that stays.
  package func note(_ text: String) {
    if isLineOpen { StandardError.write("\r\u{1b}[2K") }
    isLineOpen = false
    StandardError.write(text + "\n")
  }

  /// Leaves the last state on the terminal and moves on.
  package func finish() {
    if isLineOpen { StandardError.write("\n") }
    isLineOpen = false
  }

  /// Takes the last state off the terminal, where a result follows.
  package func clear() {
    if isLineOpen { StandardError.write("\r\u{1b}[2K") }
    isLineOpen = false
  }

  private static func fitted(_ text: String) -> String {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return text }
    let width = Int(size.ws_col) - 1
    var parts = text.components(separatedBy: "  ")
    while parts.count > 1, parts.joined(separator: "  ").count > width { parts.removeLast() }
    return String(parts.joined(separator: "  ").prefix(width))
  }
}
