import CastleFormats
import CastleMeasurement
import Testing

struct CompressionTests {
  private let text = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  /// Reads in pieces of an odd size.
  private func all(_ source: any ByteSource, step: Int = 7_919) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while case let more = try source.read(step), !more.isEmpty { bytes += more }
    return bytes
  }

  private func decompressed(_ kind: Compression, _ bytes: [UInt8], step: Int = 7_919) throws -> [UInt8] {
    try all(kind.decompressed(MemorySource(bytes), name: "a.gz"), step: step)
  }

  private func compressed(_ kind: Compression, _ bytes: [UInt8]) -> [UInt8] {
    kind == .gzip ? CompressedBytes.gzip(bytes) : CompressedBytes.zstd(bytes)
  }

  @Test(arguments: [Compression.gzip, .zstd], [1, 100, 65_536])
  func bytesComeBack(_ kind: Compression, _ step: Int) throws {
    #expect(try decompressed(kind, compressed(kind, text), step: step) == text)
    #expect(try decompressed(kind, compressed(kind, [])).isEmpty)
    let zeros = [UInt8](repeating: 0, count: 3_000_000)
    #expect(try decompressed(kind, compressed(kind, zeros), step: 999_983) == zeros)
  }

  @Test(arguments: [Compression.gzip, .zstd]) func partsFollowOneAnother(_ kind: Compression) throws {
    let parts = compressed(kind, text) + compressed(kind, []) + compressed(kind, [1, 2, 3])
    #expect(try decompressed(kind, parts) == text + [1, 2, 3])
  }

  @Test func zerosMayFollowGzip() throws {
    let padded = CompressedBytes.gzip(text) + [UInt8](repeating: 0, count: 70_000)
    #expect(try decompressed(.gzip, padded) == text)
    #expect(message { _ = try decompressed(.gzip, padded + [9]) }?.contains("compressed data") == true)
  }

  @Test(arguments: [Compression.gzip, .zstd]) func whatIsCutOffIsNoticed(_ kind: Compression) throws {
    let whole = compressed(kind, text)
    for length in [4, 12, whole.count / 2, whole.count - 1] {
      let error = message { _ = try decompressed(kind, Array(whole[..<length])) }
      #expect(error?.contains("a.gz ends in the middle") == true, "\(length): \(error ?? "none")")
    }
  }

  @Test(arguments: [Compression.gzip, .zstd]) func damagedBytesAreNoticed(_ kind: Compression) throws {
    var random = RandomText(seed: 3)
    let whole = CompressedBytes.gzip(text)
    for _ in 0..<50 {
      var changed = whole
      changed[20 + random.number(below: whole.count - 40)] ^= UInt8(1 + random.number(below: 255))
      // A change is an error or, in places that say nothing, no change.
      if let result = try? decompressed(.gzip, changed) { #expect(result == text) }
    }
    var frame = compressed(kind, text)
    for place in 30..<60 { frame[place] = 0xAA }
    #expect(message { _ = try decompressed(kind, frame) }?.contains("a.gz is damaged") == true)
  }
}
