import ArgumentParser
import CastleCluster
import CastleConsole
import CastleFormats
import Foundation

extension Castle {
  /// Runs the command that the arguments name.
  ///
  /// A failure is one line `error: …` on standard error. The exit code is 0 on success, 64 for arguments that
  /// are no command, and 1 for everything else.
  static func main() {
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
      guard fflush(nil) == 0 else {
        throw InputError("cannot write to standard output: \(SystemError.text)")
      }
    } catch {
      end(error)
    }
  }

  /// The arguments of the process. Those that are not UTF-8 are paths, and are held as ``FilePath`` says.
  private static var arguments: [String] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { CommandLine.unsafeArgv[$0] }.map { argument in
      String(validatingCString: argument)
        ?? FilePath.text(Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument))))
    }
  }

  /// A message as one line of sane length, without what a terminal would obey: it may hold parts of damaged
  /// files.
  private static func line(_ text: String) -> String {
    let longest = 2_000
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    let visible = String(
      String.UnicodeScalarView(
        line.unicodeScalars.prefix(longest + 1).map { scalar in
          scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
        }))
    return visible.unicodeScalars.count > longest ? visible + "…" : visible
  }

  /// What an error says, as the command line spells it.
  static func text(of error: any Error) -> String {
    (error as? InputError)?.text(spelling: CommandLineSpelling.option) ?? message(for: error)
  }

  private static func end(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    guard !code.isSuccess, !(error is ExitCode) else { exit(withError: error) }
    // All ranks of a command have the same arguments: one of them says what is wrong with these.
    let launched = LaunchedRank(environment: ProcessInfo.processInfo.environment)
    if code == .validationFailure, let launched, launched.rank > 0 { exit(withError: code) }
    StandardError.write("error: \(line(text(of: error)))\n")
    if code == .validationFailure {
      let usage = fullMessage(for: error).split(separator: "\n").drop { !$0.hasPrefix("Usage:") }
      StandardError.write(usage.joined(separator: "\n") + "\n")
    }
    exit(withError: code)
  }
}
