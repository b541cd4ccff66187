import CastleFormats

/// Writes a token shard piece by piece; the file appears whole at ``finish()`` or not at all.
public final class TokenShardWriter {
  /// What was written.
  public struct Summary: Sendable {
    /// The number of tokens.
    public var tokenCount: Int
    /// The size of the file.
    public var byteCount: Int
    /// The SHA-256 hash of the file.
    public var sha256: String
  }

  /// The number of tokens written so far.
  public private(set) var tokenCount = 0

  private let file: AtomicFile
  private let width: TokenWidth
  private let buffer: UnsafeMutableRawBufferPointer
  private var buffered = 0

  /// Starts a shard.
  ///
  /// - Throws: ``InputError`` if the file cannot be made.
  public init(path: String, width: TokenWidth) throws {
    file = try AtomicFile(path: path)
    self.width = width
    buffer = .allocate(byteCount: 1 << 20, alignment: 64)
    try TokenShardHeader.bytes(width, tokenCount: 0).withUnsafeBytes { try file.write($0) }
  }

  deinit { buffer.deallocate() }

  /// Appends tokens.
  ///
  /// - Throws: ``InputError`` if a token does not fit the width, the shard would get more tokens than its header
  ///   can tell of, or the file cannot be written.
  public func append(_ tokens: some Sequence<Int32>) throws {
    for token in tokens { try append(token) }
  }

  private func append(_ token: Int32) throws {
    guard token >= 0, width == .uint32 || token <= UInt16.max, tokenCount < TokenShardHeader.mostTokens else {
      throw InputError(
        tokenCount < TokenShardHeader.mostTokens
          ? "token \(token) does not fit a shard of \(width) tokens"
          : "\(file.path) would hold more than \(TokenShardHeader.mostTokens) tokens; make smaller shards")
    }
    if buffered == buffer.count { try flush() }
    switch width {
    case .uint16:
      buffer.storeBytes(of: UInt16(token).littleEndian, toByteOffset: buffered, as: UInt16.self)
    case .uint32:
      buffer.storeBytes(of: UInt32(token).littleEndian, toByteOffset: buffered, as: UInt32.self)
    }
    buffered += width.byteCount
    tokenCount += 1
  }

  /// Completes the file and gives it its name.
  public func finish() throws -> Summary {
    try flush()
    try TokenShardHeader.bytes(width, tokenCount: tokenCount).withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
    return Summary(
      tokenCount: tokenCount, byteCount: file.byteCount, sha256: try Digest.sha256(ofFile: file.path))
  }

  private func flush() throws {
    try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
    buffered = 0
  }
}
