import CastleFormats
import Foundation

/// Standard output for text that should appear at once.
package enum StandardOutput {
  /// Writes all of `text`.
  package static func write(_ text: String) throws {
    try write(Array(text.utf8))
  }

  /// Writes all of `bytes`.
  package static func write(_ bytes: [UInt8]) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(bytes))
    } catch {
      throw InputError("cannot write to standard output: \(SystemError.text)")
    }
  }
}
