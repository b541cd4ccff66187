import CastleFormats
import Foundation

/// A small JSON file with keys in snake case.
protocol JSONFile: Codable {}

extension JSONFile {
  /// Reads the file; nil if there is none.
  static func read(_ path: String) throws -> Self? {
    guard let data = FilePath.contents(path) else { return nil }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Self.self, from: data)
    } catch {
      throw InputError("\(path) is damaged: put the old file back or remove it")
    }
  }

  func write(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(self) + Data("\n".utf8), path: path)
  }
}
