#if canImport(CryptoKit)
  import CryptoKit
#else
  import COpenSSL
#endif

/// SHA-256 hashes, as lower-case hexadecimal text.
public final class Digest {
  #if canImport(CryptoKit)
    private var hash = SHA256()

    /// The hash of nothing so far.
    public init() {}

    /// Takes in more bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    private var bytes: [UInt8] { Array(hash.finalize()) }
  #else
    private let context: OpaquePointer

    /// The hash of nothing so far.
    public init() {
      guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
        preconditionFailure("libcrypto has no SHA-256")
      }
      self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes in more bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
      EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    private var bytes: [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 32)
      EVP_DigestFinal_ex(context, &bytes, nil)
      return bytes
    }
  #endif

  /// Takes in more bytes.
  package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes(update) }

  /// The hash of all bytes taken in. Nothing can be added afterwards.
  public func sha256() -> String {
    bytes.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }

  /// The hash of the bytes of a file.
  ///
  /// - Throws: ``InputError`` if the file cannot be read.
  public static func sha256(ofFile path: String) throws -> String {
    let file = try MappedFile(path: path)
    let digest = Digest()
    file.withBytes { digest.update($0) }
    return digest.sha256()
  }
}
