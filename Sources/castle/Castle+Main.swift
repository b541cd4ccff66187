import ArgumentParser
import CastleFormats
import CastleTraining
import Foundation

extension Castle {
  /// Runs the command that the arguments name.
  ///
  /// A failure is one line `error: …` on standard error. The exit code is 0 on success, 64 for arguments that are
  /// no command, and 1 for everything else.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
      guard fflush(nil) == 0 else {
        throw InputError("cannot write to standard output: \(String(cString: strerror(errno)))")
      }
    } catch {
      end(error)
    }
  }

  private static func end(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    guard !code.isSuccess, !(error is ExitCode) else { exit(withError: error) }
    let text = (error as? InputError)?.description ?? message(for: error)
    let message = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    StandardError.write("error: \(message)\n")
    if code == .validationFailure {
      let usage = fullMessage(for: error).split(separator: "\n").drop { !$0.hasPrefix("Usage:") }
      StandardError.write(usage.joined(separator: "\n") + "\n")
    }
    exit(withError: code)
  }
}
