import CastleFormats
import CastleMeasurement
import Foundation
import Testing

struct FileKindTests {
  @Test(
    arguments: [
      (FileKind.gzip, [0x1F, 0x8B, 8, 0]), (.zstd, [0x28, 0xB5, 0x2F, 0xFD]), (.zip, [0x50, 0x4B, 3, 4, 20]),
      (.parquet, Array("PAR1\u{15}\u{4}".utf8)), (.arrow, Array("ARROW1\0\0".utf8)),
      (.bzip2, Array("BZh91AY&SY".utf8)), (.pdf, Array("%PDF-1.7\n".utf8)),
      (.html, Array("\u{FEFF}\n<!DOCTYPE html><html>".utf8)), (.html, Array("<HTML lang=en>".utf8)),
      (.safetensors, [64, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":{}}".utf8)), (.pickle, [0x80, 4, 0x95]),
      (.gitLFSPointer, Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8)),
      (.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A]), (.jpeg, [0xFF, 0xD8, 0xFF, 0xE0]),
      (.tokenShard, [0x88, 0xD8, 0x34, 0x01, 1, 0, 0, 0]), (.gguf, Array("GGUF\u{3}\0\0\0".utf8)),
      (.tar, [UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8)),
    ] as [(FileKind, [UInt8])])
  func kindsAreRecognized(_ kind: FileKind, _ bytes: [UInt8]) {
    #expect(FileKind(firstBytes: bytes) == kind)
  }

  @Test func textIsNone() throws {
    var random = RandomText(seed: 8)
    let texts = [
      "", "{", "PK", "%PD", "<p>html", "{\"text\": \"a\"}", "GGUF is a format", "\u{FEFF}a", "PAR1 ",
    ]
    for text in texts.map({ Array($0.utf8) }) + (0..<500).map({ _ in random.text(longest: 600) }) {
      #expect(FileKind(firstBytes: text) == nil)
    }
    for kind in FileKind.allCases { #expect(!kind.name.isEmpty && !kind.remedyForText.isEmpty) }
  }

  @Test func realFilesAreRecognized() throws {
    let folder = try TemporaryFolder()
    let weights = try SafetensorsWriter(
      path: folder.path("a"), tensors: [.init(name: "o", type: .f32, shape: [1])])
    try weights.write([0] as [Float])
    try weights.finish()
    #expect(FileKind(firstBytes: try folder.bytes("a")) == .safetensors)
    #expect(FileKind(firstBytes: CompressedBytes.gzip([1])) == .gzip)
    #expect(FileKind(firstBytes: CompressedBytes.zstd([1])) == .zstd)
  }
}
