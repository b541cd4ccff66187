import CastleFormats

/// A file of token ids in the form of llm.c, mapped into memory: reading costs no memory and no copy of the
/// file.
public struct TokenShard: Sendable {
  /// The number of tokens.
  public let tokenCount: Int
  /// How the tokens are stored.
  public let width: TokenWidth

  private let file: MappedFile
  private let state: FileState
  private let headerByteCount: Int

  /// Maps a file of token ids without a header, as nanoGPT writes them.
  ///
  /// - Throws: ``InputError`` if the file cannot be read or has no whole number of tokens.
  init(rawPath path: String, width: TokenWidth) throws {
    file = try MappedFile(path: path)
    state = FileState(file)
    headerByteCount = 0
    self.width = width
    guard file.count.isMultiple(of: width.byteCount) else {
      throw InputError(
        subject: "\(path)", problem: "has \(file.count) bytes, no whole number of \(width) tokens",
        remedy: "get it whole, or say the type of the tokens with \(.key("data.dtype"))")
    }
    tokenCount = file.count / width.byteCount
  }

  /// The width that the header of the file at `path` states; nil if there is no header.
  ///
  /// - Throws: ``InputError`` if the file cannot be read.
  static func widthInHeader(path: String) throws -> TokenWidth? {
    let file = try MappedFile(path: path)
    guard file.count >= TokenShardHeader.byteCount else { return nil }
    let magic = file.withBytes { Int32(littleEndian: $0.loadUnaligned(as: Int32.self)) }
    return TokenWidth.allCases.first { TokenShardHeader.magic($0) == magic }
  }

  /// Maps a shard and checks its header against the size of the file.
  ///
  /// - Throws: ``InputError`` if the file cannot be read, is not a shard, or is shorter or longer than its
  ///   header says.
  public init(path: String) throws {
    file = try MappedFile(path: path)
    state = FileState(file)
    guard file.count >= TokenShardHeader.byteCount else {
      throw InputError(
        "\(path) is not a token shard: it has \(file.count) bytes, fewer than the header's 1024")
    }
    let header = file.withBytes { bytes in
      (0..<3).map { Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }
    guard let width = TokenWidth.allCases.first(where: { TokenShardHeader.magic($0) == header[0] }) else {
      throw InputError("\(path) is not a token shard: it starts with \(header[0]) instead of 20240520")
    }
    guard header[1] == TokenShardHeader.version(width) else {
      throw InputError(
        "\(path) is a token shard of version \(header[1]); "
          + "only \(TokenShardHeader.version(width)) can be read"
      )
    }
    let expected = TokenShardHeader.byteCount + Int(header[2]) * width.byteCount
    guard header[2] >= 0, file.count == expected else {
      throw InputError(
        "\(path) is damaged: its header says \(header[2]) tokens, which take \(expected) bytes, "
          + "but it has \(file.count); prepare it again")
    }
    tokenCount = Int(header[2])
    self.width = width
    headerByteCount = TokenShardHeader.byteCount
  }

  /// The path of the file.
  public var path: String { file.path }

  /// Throws ``TextChanged`` if the file has been replaced, written to or removed since it was opened: what is
  /// read from it then may be anything, and reading behind the end of a file that was cut ends the process.
  public func checkUnchanged() throws { try state.checkUnchanged() }

  /// Copies the tokens at `places` to `destination`. Traps outside `0..<tokenCount`.
  public func copyTokens(_ places: Range<Int>, to destination: UnsafeMutablePointer<Int32>) {
    precondition(places.lowerBound >= 0 && places.upperBound <= tokenCount)
    switch width {
    case .uint16:
      copy(places, to: destination, as: UInt16.self) { Int32(UInt16(littleEndian: $0)) }
    case .uint32:
      copy(places, to: destination, as: UInt32.self) { Int32(bitPattern: UInt32(littleEndian: $0)) }
    }
  }

  /// Calls `body` with the bytes of the tokens.
  func withTokenBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try file.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[headerByteCount...])) }
  }

  /// The tokens at `places`.
  public func tokens(_ places: Range<Int>) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: places.count) { destination, count in
      if let address = destination.baseAddress { copyTokens(places, to: address) }
      count = places.count
    }
  }

  private func copy<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ places: Range<Int>, to destination: UnsafeMutablePointer<Int32>, as type: Stored.Type,
    _ convert: (Stored) -> Int32
  ) {
    file.withBytes { bytes in
      let tokens = (bytes.baseAddress! + headerByteCount).assumingMemoryBound(to: Stored.self)
      for index in 0..<places.count { destination[index] = convert(tokens[places.lowerBound + index]) }
    }
  }
}
