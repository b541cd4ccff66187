import CastleConsole
import CastleCorpus
import CastleFormats
import Foundation

/// Where a command takes the bytes that it works on.
enum CommandInput {
  /// The bytes of a file, or of standard input when there is no file.
  static func bytes(ofFile path: String?) throws -> [UInt8] {
    guard let path else {
      guard let data = try FileHandle.standardInput.readToEnd() else { return [] }
      return [UInt8](data)
    }
    if isStream(path) {
      let stream = try FileDescriptor(reading: path)
      return try withExtendedLifetime(stream) {
        [UInt8](try FileHandle(fileDescriptor: stream.number).readToEnd() ?? Data())
      }
    }
    return try MappedFile(path: path).withBytes(Array.init)
  }

  /// The bytes of a prompt, or of the text in a file; `-` is standard input. People are told how many are not
  /// UTF-8.
  static func prompt(_ text: String?, file: String?) throws -> [UInt8] {
    let bytes = try file.map { try TextFile(path: $0 == "-" ? nil : $0).bytes } ?? FilePath.bytes(text ?? "")
    if let note = TextFile.note(bytes) { ProgressLine().note(note) }
    return bytes
  }

  /// Whether `path` names a pipe or a device, as in `--file <(command)`.
  private static func isStream(_ path: String) -> Bool {
    guard let status = FilePath.status(path) else { return false }
    return [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT)
  }
}
