import Crypto
import Foundation

/// SHA-256 hashes, as lower-case hexadecimal text.
public struct Digest {
  private var hash = SHA256()

  /// The hash of nothing so far.
  public init() {}

  /// Takes in more bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    hash.update(bufferPointer: bytes)
  }

  /// The hash of all bytes taken in.
  public func sha256() -> String {
    hash.finalize().map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }

  /// The hash of the bytes of a file.
  ///
  /// - Throws: ``InputError`` if the file cannot be read.
  public static func sha256(ofFile path: String) throws -> String {
    let file = try MappedFile(path: path)
    var digest = Digest()
    file.withBytes { digest.update($0) }
    return digest.sha256()
  }
}
