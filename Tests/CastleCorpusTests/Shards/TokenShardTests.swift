import CastleCorpus
import CastleFormats
import CastleMeasurement
import Foundation
import Testing

struct TokenShardTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("shard.bin") }

  init() throws {
    folder = try TemporaryFolder()
  }

  @discardableResult
  private func write(_ tokens: [Int32], _ width: TokenWidth) throws -> TokenShardWriter.Summary {
    let writer = try TokenShardWriter(path: path, width: width)
    try writer.append(Array(tokens.prefix(tokens.count / 3)))
    try writer.append(Array(tokens.dropFirst(tokens.count / 3)))
    return try writer.finish()
  }

  private func integers(_ bytes: some Sequence<UInt8>) -> [UInt32] {
    let bytes = Array(bytes)
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
  }

  @Test(arguments: TokenWidth.allCases, [0, 1, 7, 63, 1_025, 700_000])
  func tokensAreReadAsTheyWereWritten(_ width: TokenWidth, _ count: Int) throws {
    let largest = width == .uint16 ? 65_536 : 1 << 24
    let tokens = (0..<count).map { Int32(($0 * 7919) % largest) }
    let summary = try write(tokens, width)
    #expect(summary.tokenCount == count)
    #expect(summary.byteCount == 1024 + count * width.byteCount)
    #expect(summary.sha256 == (try Digest.sha256(ofFile: path)))
    let shard = try TokenShard(path: path)
    #expect(shard.tokenCount == count)
    #expect(shard.width == width)
    #expect(shard.tokens(0..<count) == tokens)
    if count > 6 { #expect(shard.tokens(3..<6) == Array(tokens[3..<6])) }
  }

  @Test func theHeaderIsThatOfLLMC() throws {
    try write([5, 65_535], .uint16)
    let bytes = try folder.bytes("shard.bin")
    #expect(integers(bytes[..<1024]) == [20_240_520, 1, 2] + Array(repeating: 0, count: 253))
    #expect(Array(bytes[1024...]) == [5, 0, 255, 255])
    try write([70_000], .uint32)
    let wide = try folder.bytes("shard.bin")
    #expect(integers(wide[..<12]) == [20_240_801, 7, 1])
    #expect(integers(wide[1024...]) == [70_000])
  }

  @Test func damagedShardsAreRefused() throws {
    try write([1, 2, 3, 4], .uint16)
    let good = try folder.bytes("shard.bin")
    func expectRefusal(_ bytes: [UInt8], _ word: String) throws {
      try folder.write(bytes, to: "shard.bin")
      let error = try #require(throws: InputError.self) { try TokenShard(path: path) }
      #expect(error.description.contains(word) && error.description.contains(path), "\(error)")
    }
    for length in [0, 3, 1023] { try expectRefusal(Array(good[..<length]), "not a token shard") }
    for length in [1024, 1030] { try expectRefusal(Array(good[..<length]), "damaged") }
    try expectRefusal(good + [0], "damaged")
    var changed = good
    changed[0] ^= 1
    try expectRefusal(changed, "not a token shard")
    changed = good
    changed[4] = 9
    try expectRefusal(changed, "version 9")
    changed = good
    changed.replaceSubrange(8..<12, with: [255, 255, 255, 255])
    try expectRefusal(changed, "damaged")
    #expect(throws: InputError.self) { try TokenShard(path: folder.path("none.bin")) }
  }

  @Test func aShardThatIsChangedOrGoneIsNoticed() throws {
    try write([1, 2, 3, 4], .uint16)
    let shard = try TokenShard(path: path)
    try shard.checkUnchanged()
    try folder.write(try folder.bytes("shard.bin"), to: "other.bin")
    #expect(rename(folder.path("other.bin"), path) == 0)
    #expect(throws: TextChanged.self) { try shard.checkUnchanged() }
    #expect(unlink(path) == 0)
    #expect(throws: TextChanged.self) { try shard.checkUnchanged() }
  }

  @Test func tokensThatDoNotFitAreRefusedAndNoFileIsLeft() throws {
    for stray in [65_536, -1] as [Int32] {
      #expect(throws: InputError.self) { try write([1, 2, stray], .uint16) }
    }
    #expect(try folder.names().isEmpty)
  }
}
