import CastleMeasurement
import Foundation
import Testing

/// A `castle` command that runs beside the test.
final class BackgroundRun {
  private let process = Process()
  private let streams: TemporaryFolder

  /// Starts `castle`. Its standard error is kept, unless it is to go to `standardError`.
  init(_ arguments: [String], standardError: FileHandle? = nil) throws {
    streams = try TemporaryFolder()
    process.executableURL = URL(fileURLWithPath: try CastleProcess.executablePath)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    let kept = try streams.handle(streams.path("error"))
    process.standardError = standardError ?? kept
    try process.run()
  }

  deinit {
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var identifier: Int32 { process.processIdentifier }

  var isRunning: Bool { process.isRunning }

  /// Waits until `condition` is true or the process has ended; a test that waits for minutes has failed.
  func wait(
    for what: String, _ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let deadline = Date(timeIntervalSinceNow: 120)
    while process.isRunning, !condition() {
      guard Date() < deadline else {
        Issue.record("waited in vain for \(what)", sourceLocation: sourceLocation)
        return
      }
      Thread.sleep(forTimeInterval: 0.002)
    }
  }

  /// What was written to standard error so far.
  var errorOutput: String { (try? streams.text("error")) ?? "" }

  /// Sends `signal`.
  func signal(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// How the process ended, which it must do within two minutes.
  func end(sourceLocation: SourceLocation = #_sourceLocation) throws -> CastleProcess.Result {
    wait(for: "the end of the process", { false }, sourceLocation: sourceLocation)
    if process.isRunning { signal(SIGKILL) }
    process.waitUntilExit()
    return CastleProcess.Result(
      exitCode: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: "", errorOutput: try streams.text("error"))
  }
}
