import Foundation

/// Paths as the system has them: bytes, which need not be UTF-8.
///
/// A `String` holds such a path without loss: a byte that is no part of a character in UTF-8 is one of the
/// last 128 scalars of Unicode, U+10FF80 to U+10FFFF, which are for private use. Real names with these
/// scalars are taken for such bytes as well, so that every name has one text and every text one name.
package enum FilePath {
  private static let firstByteScalar: UInt32 = 0x10_FF80

  /// The path with the home folder in place of a leading `~`, and that of another user in place of `~name`. A
  /// file whose name starts so is `./~name`.
  package static func expanded(_ path: String) -> String {
    guard path.hasPrefix("~") else { return path }
    let end = path.firstIndex(of: "/") ?? path.endIndex
    let user = path[path.index(after: path.startIndex)..<end]
    guard let home = home(of: String(user)) else { return path }
    return home + path[end...]
  }

  private static func home(of user: String) -> String? {
    if user.isEmpty, let home = getenv("HOME"), home[0] != 0 { return String(cString: home) }
    guard let entry = user.isEmpty ? getpwuid(getuid()) : getpwnam(user), let home = entry.pointee.pw_dir
    else { return nil }
    return String(cString: home)
  }

  /// The text of a path that the system gave.
  package static func text(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !holdsBytes(text) { return text }
    var scalars = String.UnicodeScalarView()
    var rest = bytes[...]
    while let first = rest.first {
      let length = max(1, (~first).leadingZeroBitCount)
      if length <= 4, let text = String(validating: rest.prefix(length), as: UTF8.self), !holdsBytes(text) {
        scalars.append(contentsOf: text.unicodeScalars)
        rest = rest.dropFirst(length)
      } else {
        scalars.append(Unicode.Scalar(firstByteScalar + UInt32(first & 0x7F))!)
        rest = rest.dropFirst()
      }
    }
    return String(scalars)
  }

  /// The bytes of a path, as the system knows it.
  package static func bytes(_ path: String) -> [UInt8] {
    guard holdsBytes(path) else { return Array(path.utf8) }
    return path.unicodeScalars.flatMap { scalar in
      byte(scalar).map { [$0] } ?? Array(String(scalar).utf8)
    }
  }

  /// Calls `body` with the path as the system's functions take it.
  package static func withSystemPath<Result>(
    _ path: String, _ body: (UnsafePointer<CChar>) throws -> Result
  ) rethrows -> Result {
    guard holdsBytes(path) else { return try path.withCString(body) }
    return try (bytes(path) + [0]).withUnsafeBytes { try body($0.bindMemory(to: CChar.self).baseAddress!) }
  }

  /// The path for people to read, with `\xE9` for a byte that is not UTF-8.
  package static func shown(_ path: String) -> String {
    guard holdsBytes(path) else { return path }
    return path.unicodeScalars.map { scalar in
      byte(scalar).map { "\\x" + String($0, radix: 16, uppercase: true) } ?? String(scalar)
    }.joined()
  }

  private static func holdsBytes(_ path: String) -> Bool {
    // The scalars' first bytes in UTF-8 are F4 8F BE or F4 8F BF; nearly no path has an F4.
    path.utf8.contains(0xF4) && path.unicodeScalars.contains { byte($0) != nil }
  }

  private static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
    scalar.value >= firstByteScalar ? UInt8(0x80 | (scalar.value - firstByteScalar)) : nil
  }
}
