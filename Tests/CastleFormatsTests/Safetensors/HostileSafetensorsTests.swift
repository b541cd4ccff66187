import CastleMeasurement
import CastleFormats
import Foundation
import Testing

/// Files that lie about themselves.
@Suite struct HostileSafetensorsTests {
  /// A header, the number of bytes after it, and a word of the message that it must give.
  static let headers: [(String, Int, String)] = [
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}"#,
      8, "a twice"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
      12, "overlaps"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "hole"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12, "4 bytes before"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "bytes 0..<8 of 4"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "bytes 8..<0"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "needs 12 bytes"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
    (#"{"a":{"dtype":"F32","shape":[9999999999999999999999],"data_offsets":[0,8]}}"#, 8, "whole number"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "whole number from 0"),
    (#"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, 8, "expected"),
    (#"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#, 8, "type Q4"),
    (#"{"a":{"dtype":"F32","shape":[2]}}"#, 8, "lacks"),
    (#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,9]}}"#, 8, "bytes 0..<9 of 8"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, 8, "lacks"),
    (#"{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8, "unexpected key"),
    (#"{"__metadata__":{"k":1}}"#, 0, "expected"),
    (#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, "k twice"),
    (#"{} {}"#, 0, "the end of the text"),
    (#"{"a"#, 0, "the end of the string"),
    (#"{"\ud8":{}}"#, 0, "hexadecimal"),
    (#"[1]"#, 0, "line 1, column 1: expected '{'"),
    (String(repeating: "[", count: 100_000), 0, "expected '{'"),
    ("", 0, "expected '{'"),
  ]

  @Test(arguments: headers)
  func headerIsRefused(header: String, dataSize: Int, word: String) throws {
    let text = try refusal(file(header: Array(header.utf8), dataSize: dataSize))
    #expect(text?.contains(word) == true, "\(text ?? "accepted")")
    #expect(text?.contains("\n") == false)
  }

  @Test(arguments: [1 << 60, UInt64.max, 100_000_001, 9])
  func claimedHeaderSizeIsRefused(size: UInt64) throws {
    let bytes = withUnsafeBytes(of: size.littleEndian, Array.init) + Array("{}      ".utf8)
    #expect(try refusal(bytes)?.contains("claims \(size) bytes") == true)
  }

  @Test func stringsThatAreNotUTF8AreRefused() throws {
    let header = Array(#"{""#.utf8) + [0xff, 0xfe] + Array(#"":{}}"#.utf8)
    #expect(try refusal(file(header: header, dataSize: 0))?.contains("UTF-8") == true)
  }

  @Test func everyTruncationIsRefused() throws {
    let header = #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let whole = file(header: Array(header.utf8), dataSize: 8)
    #expect(try refusal(whole) == nil)
    for count in 0..<whole.count {
      #expect(try refusal(Array(whole[..<count])) != nil, "\(count) bytes")
    }
  }

  @Test func noSingleFlippedBitCrashes() throws {
    let header =
      #"{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
      + #""b":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}"#
    let whole = file(header: Array(header.utf8), dataSize: 12)
    for position in 0..<whole.count - 12 {
      for bit in 0..<8 {
        var bytes = whole
        bytes[position] ^= 1 << UInt8(bit)
        _ = try refusal(bytes)
      }
    }
  }

  private func file(header: [UInt8], dataSize: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
      + Array(repeating: 0, count: dataSize)
  }

  /// The message about a file of these bytes, nil if it is accepted and can be read.
  private func refusal(_ bytes: [UInt8]) throws -> String? {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return message {
        let file = try SafetensorsFile(path: path)
        for name in file.names { try file.tensor(name).withBytes { _ = $0.count } }
      }
    }
  }
}
