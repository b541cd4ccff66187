import CastleFormats
import Foundation

/// The keys that open the server.
package struct APIKeys: Sendable {
  private let keys: [[UInt8]]

  /// The keys of a file, one a line; empty lines and those that begin with # do not count.
  ///
  /// - Throws: `InputError` if the file cannot be read or has no key, or one with a space in it.
  package init(file path: String) throws {
    let text = try MappedFile(path: path).withBytes { String(decoding: $0, as: UTF8.self) }
    let lines = text.split(whereSeparator: \.isNewline).map { line in
      String(line).trimmingCharacters(in: .whitespaces)
    }
    try self.init(lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }, source: path)
  }

  /// The given keys.
  ///
  /// - Throws: `InputError` if there is none, or one has a space in it.
  package init(_ keys: [String], source: String = "the list of keys") throws {
    guard !keys.isEmpty else { throw InputError("\(source) holds no key; write one a line") }
    guard keys.allSatisfy({ !$0.contains(where: \.isWhitespace) }) else {
      throw InputError("\(source) holds a key with a space in it; write one key a line")
    }
    self.keys = keys.map { Array($0.utf8) }
  }

  /// Throws unless `authorization` is `Bearer` and one of the keys.
  ///
  /// The time that this takes depends on the length of what is presented, not on what the keys are.
  func check(_ authorization: String?) throws {
    guard let authorization else {
      throw APIError.unauthorized("a key is needed; send it as Authorization: Bearer KEY")
    }
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else {
      throw APIError.unauthorized("Authorization must be Bearer KEY")
    }
    let presented = Array(parts[1].utf8)
    var opens = false
    for key in keys where Self.equal(presented, key) { opens = true }
    guard opens else { throw APIError.unauthorized("the key is not right") }
  }

  private static func equal(_ presented: [UInt8], _ key: [UInt8]) -> Bool {
    var difference = presented.count ^ key.count
    for place in presented.indices {
      difference |= Int(presented[place] ^ key[place % key.count])
    }
    return difference == 0
  }
}
