import CastleTokenizer
import Foundation
import Testing

/// The files that `Golden/make_golden.py` made.
enum Golden {
  /// A text and the ids that Python's `tokenizers` gives it.
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let hexadecimal: String
    let ids: [Int32]

    enum CodingKeys: String, CodingKey {
      case name, ids
      case hexadecimal = "bytes"
    }

    var testDescription: String { name }

    var bytes: [UInt8] { Golden.bytes(hexadecimal: hexadecimal) }
  }

  static func bytes(hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8)
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)!
    }
  }

  static func path(_ name: String) -> String {
    Bundle.module.resourceURL!.appendingPathComponent("Golden").appendingPathComponent(name).path
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  static let cases: [Case] = (try? JSONDecoder().decode([Case].self, from: Data(bytes("cases.json")))) ?? []

  static func tokenizer() throws -> Tokenizer {
    try TokenizerFile.read(path: path("tokenizer.json"))
  }
}
