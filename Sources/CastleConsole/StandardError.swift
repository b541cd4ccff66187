import CastleFormats
import Foundation

/// Standard error, for what perhaps nobody is there to read.
package enum StandardError {
  /// Writes `text` as far as possible, and says nothing where it is not: neither a full disk nor a reader
  /// that is gone may cost the process its work. Paths in it are written as ``FilePath/shown(_:)`` says.
  ///
  /// From the first call on SIGPIPE is ignored.
  package static func write(_ text: String) {
    _ = outlivesReaders
    var rest = Array(FilePath.shown(text).utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Writes a line that somebody may want to know, while the command goes on.
  package static func note(_ text: String) { write("note: \(text)\n") }

  private static let outlivesReaders: Void = { signal(SIGPIPE, SIG_IGN) }()
}
