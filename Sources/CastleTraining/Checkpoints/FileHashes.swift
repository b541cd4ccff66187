import CastleFormats
import Foundation

/// The hashes of the files of a folder, in the form of the `sha256sum` program.
enum FileHashes {
  /// The name of the file that holds them.
  static let fileName = "SHA256SUMS"

  /// Hashes the files of `folder` and writes the list beside them.
  static func write(folder: String) throws {
    let lines = try (FilePath.entries(ofFolder: folder) ?? []).filter { $0 != fileName }.map { name in
      "\(try Digest.sha256(ofFile: folder + "/" + name))  \(name)\n"
    }
    try AtomicFile.write(lines.joined().utf8, path: folder + "/" + fileName)
  }

  /// Checks every file of the list.
  ///
  /// - Throws: ``InputError`` that names the first file that is missing or has other bytes.
  static func check(folder: String) throws {
    let list = folder + "/" + fileName
    guard let data = FilePath.contents(list), !data.isEmpty else {
      throw InputError(subject: "\(list)", problem: "is missing")
    }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
      guard let gap = line.range(of: "  ") else {
        throw InputError(subject: "\(list)", problem: "is damaged")
      }
      let path = folder + "/" + line[gap.upperBound...]
      guard try Digest.sha256(ofFile: path) == line[..<gap.lowerBound] else {
        throw InputError(
          subject: "\(path)", problem: "is damaged: its bytes do not have the recorded hash")
      }
    }
  }
}
