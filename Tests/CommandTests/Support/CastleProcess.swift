import CastleMeasurement
import Foundation
import Testing

/// A run of the built `castle` command.
struct CastleProcess {
  /// How the run ended.
  struct Result {
    /// The exit code; the number of the signal if one ended the process.
    let exitCode: Int32
    /// Whether a signal, such as that of a trap, ended the process.
    let wasKilled: Bool
    let output: String
    let errorOutput: String

    /// The lines on standard error that report an error.
    var errorLines: [Substring] {
      errorOutput.split(separator: "\n").filter { $0.hasPrefix("error:") }
    }
  }

  /// Runs `castle` and waits for its end.
  ///
  /// - Parameters:
  ///   - input: What standard input holds.
  ///   - outputFile: A file to use as standard output, such as /dev/full.
  ///   - errorFile: The same for standard error.
  ///   - environment: Further variables of the environment.
  ///   - timeout: After this many seconds the process is killed and the test fails.
  static func run(
    _ arguments: [String], input: String = "", outputFile: String? = nil, errorFile: String? = nil,
    environment: [String: String] = [:], folder: String? = nil, timeout: Double = 180
  ) throws -> Result {
    let process = Process()
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.executableURL = URL(fileURLWithPath: try executablePath)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let streams = try TemporaryFolder()
    try streams.write(input, to: "input")
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: streams.path("input")))
    process.standardOutput = try streams.handle(outputFile ?? streams.path("output"))
    process.standardError = try streams.handle(errorFile ?? streams.path("error"))

    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    if ended.wait(timeout: .now() + timeout) == .timedOut {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      Issue.record("castle \(arguments.joined(separator: " ")) did not end within \(timeout) seconds")
    }
    return Result(
      exitCode: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: outputFile == nil ? try streams.text("output") : "",
      errorOutput: errorFile == nil ? try streams.text("error") : "")
  }

  /// Runs `castle`, expects success, and returns what it wrote to standard output.
  static func output(
    _ arguments: [String], input: String = "", folder: String? = nil, timeout: Double = 180,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let result = try run(arguments, input: input, folder: folder, timeout: timeout)
    #expect(result.exitCode == 0, "\(result.errorOutput)", sourceLocation: sourceLocation)
    return result.output
  }

  /// Runs `castle` with `--json`, and decodes what it wrote; its keys are in snake case.
  static func decode<Value: Decodable>(_ type: Value.Type, _ arguments: [String]) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(output(arguments + ["--json"]).utf8))
  }

  /// Runs `castle` and expects that it refuses: it fails with one line `error: …` that holds each of `words`.
  static func expectRefusal(
    _ arguments: [String], naming words: String..., input: String = "", outputFile: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try run(arguments, input: input, outputFile: outputFile)
    #expect(!result.wasKilled && result.exitCode != 0, "\(result)", sourceLocation: sourceLocation)
    #expect(result.errorLines.count == 1, "\(result.errorOutput)", sourceLocation: sourceLocation)
    for word in words {
      #expect(result.errorLines.first?.contains(word) == true, "\(result)", sourceLocation: sourceLocation)
    }
  }

  /// The built command, which lies beside the bundle of the tests.
  static var executablePath: String {
    get throws {
      let candidates = CommandLine.arguments + Bundle.allBundles.map(\.bundlePath)
      for candidate in candidates {
        guard let end = candidate.range(of: ".xctest")?.upperBound else { continue }
        let folder = (String(candidate[..<end]) as NSString).deletingLastPathComponent
        let path = (folder as NSString).appendingPathComponent("castle")
        if FileManager.default.isExecutableFile(atPath: path) { return path }
      }
      throw CommandNotFound(places: candidates)
    }
  }

  struct CommandNotFound: Error {
    let places: [String]
  }
}
