import Crypto

/// Fingerprints of files.
public enum Digest {
  /// The SHA-256 of `bytes`, as 64 lower-case hexadecimal digits.
  public static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The SHA-256 of the file at `path`. Throws an ``InputError`` if it cannot be read.
  public static func sha256(ofFile path: String) throws -> String {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { sha256(of: file.bytes) }
  }
}
