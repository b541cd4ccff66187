import Foundation
import Testing

struct ThreadTests {
  /// Each thread takes some megabytes of address space.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
  func threadsThatTheSystemDoesNotGiveAreAnError() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let command = "ulimit -v 1500000; exec \"$0\" benchmark matmul --size 8 --threads 256"
    process.arguments = ["-c", command, try CastleProcess.executablePath]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1 && process.terminationReason == .exit)
    #expect(text.hasPrefix("error: --threads 256") && text.contains("choose fewer"), "\(text)")
  }
}
