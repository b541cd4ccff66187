import CastleFormats
import Foundation

/// The questions of one file.
public struct TaskSet: Sendable {
  /// The name of the file without its ending.
  public let name: String
  /// The path of the file.
  public let path: String
  /// What the questions are like.
  public let kind: TaskKind
  /// The questions; at least one.
  public let items: [TaskItem]

  /// The longest line and the largest file that are read, in bytes.
  private static let lineLimit = 4 << 20
  private static let fileLimit = 1 << 30

  /// Reads a file of JSON lines, each of which is one question; empty lines are skipped. All are of one kind:
  ///
  /// | kind | members |
  /// |---|---|
  /// | sentence pairs (BLiMP) | `sentence_good`, `sentence_bad` |
  /// | multiple choice | `context`, `choices` (a list of strings), `answer` (its number, from 0) |
  /// | choice of context (WinoGrande) | `contexts` (a list of strings), `continuation`, `answer` |
  /// | cloze | `context`, `continuation` |
  ///
  /// `delimiter` stands between context and continuation, a space if it is not given. Further members have no
  /// effect.
  ///
  /// - Throws: ``InputError`` that names file and line, if the file cannot be read or is not as described.
  public init(path: String) throws {
    let file = try MappedFile(path: path)
    guard file.count <= Self.fileLimit else {
      throw InputError(
        "\(path) has \(NumberFormat.bytes(file.count)); a task file has at most "
          + NumberFormat.bytes(Self.fileLimit)
      )
    }
    let items = try file.withBytes { try Self.items($0, path: path) }
    guard let first = items.first else {
      throw InputError("\(path) holds no questions; give one JSON object on each line")
    }
    if let other = items.first(where: { $0.kind != first.kind }) {
      throw InputError(
        "\(path):\(other.line): this question is of the kind \(other.kind.rawValue), those before it "
          + "\(first.kind.rawValue); a file holds one kind")
    }
    name = FilePath.stem(of: FilePath.name(of: path))
    self.path = path
    kind = first.kind
    self.items = items
  }

  private static func items(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [TaskItem] {
    var items: [TaskItem] = []
    var start = 0
    var number = 1
    while start < bytes.count {
      let end = lineEnd(bytes, from: start)
      let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      guard line.count <= lineLimit else {
        throw InputError(
          "\(path):\(number): the line has \(NumberFormat.bytes(line.count)); a question has at most "
            + NumberFormat.bytes(lineLimit))
      }
      if !line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) {
        let members = try TaskLine(line, path: path, line: number)
        do {
          items.append(try members.item(line: number))
        } catch let error as InputError {
          throw error.within("\(path):\(number)")
        }
      }
      start = end + 1
      number += 1
    }
    return items
  }

  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = bytes.baseAddress,
      let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(newline) - base
  }
}
