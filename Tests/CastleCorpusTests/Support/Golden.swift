import CastleTokenizer
import Foundation

/// The files that `Tests/CastleTokenizerTests/Golden/make_golden.py` made.
enum Golden {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).appendingPathComponent("../../../CastleTokenizerTests/Golden")
      .standardizedFileURL
      .appendingPathComponent(name).path
  }

  static func tokenizer() throws -> Tokenizer { try TokenizerFile.read(path: path("tokenizer.json")) }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }
}
