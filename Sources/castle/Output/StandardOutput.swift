import CastleFormats
import Foundation

/// Standard output for text that should appear at once.
enum StandardOutput {
  /// Writes all of `text`.
  static func write(_ text: String) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      throw InputError("cannot write to standard output: \(String(cString: strerror(errno)))")
    }
  }
}
