import CastleFormats
public import CastleTensors

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
  /// - Throws: ``InputError`` if a token does not fit the width, the shard would get more tokens than its
  ///   header can count, or the file cannot be written.
  public func append(_ tokens: UnsafeBufferPointer<Int32>) throws {
    guard tokens.count <= TokenShardHeader.mostTokens - tokenCount else {
      throw InputError(
        "\(file.path) would hold more than \(TokenShardHeader.mostTokens) tokens; make smaller shards")
    }
    let largest = width == .uint16 ? Int32(UInt16.max) : .max
    if let stray = tokens.first(where: { $0 < 0 || $0 > largest }) {
      throw InputError("token \(stray) does not fit a shard of \(width) tokens")
    }
    var rest = tokens[...]
    while !rest.isEmpty {
      if buffered == buffer.count { try flush() }
      let some = rest.prefix((buffer.count - buffered) / width.byteCount)
      store(UnsafeBufferPointer(rebasing: some))
      rest = rest.dropFirst(some.count)
    }
    tokenCount += tokens.count
  }

  /// Appends tokens.
  public func append(_ tokens: [Int32]) throws {
    try tokens.withUnsafeBufferPointer(append)
  }

  /// Puts tokens into the buffer, which has room for them.
  private func store(_ tokens: UnsafeBufferPointer<Int32>) {
    let address = buffer.baseAddress! + buffered
    switch width {
    case .uint16:
      let stored = address.assumingMemoryBound(to: UInt16.self)
      for index in 0..<tokens.count { stored[index] = UInt16(truncatingIfNeeded: tokens[index]).littleEndian }
    case .uint32:
      let stored = address.assumingMemoryBound(to: Int32.self)
      for index in 0..<tokens.count { stored[index] = tokens[index].littleEndian }
    }
    buffered += tokens.count * width.byteCount
  }

  /// Completes the file and gives it its name. The hash is computed while the disk takes the bytes, if `pool`
  /// has a thread to spare.
  public func finish(pool: ThreadPool = ThreadPool(threadCount: 1)) throws -> Summary {
    try flush()
    try TokenShardHeader.bytes(width, tokenCount: tokenCount).withUnsafeBytes { try file.write($0, at: 0) }
    var written = Result<Void, any Error>.success(())
    var hash = Result<String, any Error>.success("")
    pool.forEach(2) { index in
      if index == 0 {
        written = Result { try file.synchronize() }
      } else {
        hash = Result { try Digest.sha256(ofFile: file.temporaryPath) }
      }
    }
    try written.get()
    let sha256 = try hash.get()
    try file.commit()
    return Summary(tokenCount: tokenCount, byteCount: file.byteCount, sha256: sha256)
  }

  private func flush() throws {
    try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
    buffered = 0
  }
}
