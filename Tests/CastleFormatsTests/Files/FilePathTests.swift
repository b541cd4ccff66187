import CastleFormats
import CastleMeasurement
import Foundation
import Testing

struct FilePathTests {
  @Test func aTildeIsTheHomeFolder() throws {
    let home = try #require(ProcessInfo.processInfo.environment["HOME"])
    #expect(FilePath.expanded("~/runs/first") == home + "/runs/first")
    #expect(FilePath.expanded("~") == home)
    #expect(FilePath.expanded("~root/a").hasSuffix("/a") && FilePath.expanded("~root/a") != "~root/a")
    for path in ["", "a~/b", "./~/a", "~nobody-has-this-name/a", "/~"] {
      #expect(FilePath.expanded(path) == path)
    }
  }

  @Test func everyNameHasOneText() {
    var random = RandomText(seed: 4)
    let names =
      (0..<400).map { _ in random.bytes(longest: 30) } + (0..<100).map { _ in random.text(longest: 20) }
      + [Array("a.txt".utf8), [0xF4, 0x8F, 0xBE, 0x80, 0x61], [0xF4, 0x8F, 0xBF, 0xBF], [0xE9], []]
    for name in names {
      let text = FilePath.text(name)
      #expect(FilePath.bytes(text) == name)
      if let plain = String(validating: name, as: UTF8.self), !name.contains(0xF4) { #expect(text == plain) }
    }
    #expect(FilePath.shown(FilePath.text([0x61, 0xE9, 0x62])) == "a\\xE9b")
  }

  @Test func filesWithAnyNameAreFound() throws {
    let folder = try TemporaryFolder()
    let name = FilePath.text([0x61, 0xE9, 0xFF])
    let path = folder.path(name)
    let file = FilePath.withSystemPath(path) { open($0, O_WRONLY | O_CREAT, 0o600) }
    // Some file systems have no such names.
    guard file >= 0 else { return }
    defer { _ = FilePath.withSystemPath(path) { unlink($0) } }
    #expect(write(file, "abc", 3) == 3)
    close(file)
    try folder.write("d", to: "b")
    #expect(FilePath.entries(ofFolder: folder.path) == [name, "b"])
    #expect(FilePath.status(path)?.st_size == 3)
    #expect(try MappedFile(path: path).withBytes { Array($0) } == Array("abc".utf8))
    #expect(FilePath.entries(ofFolder: folder.path("none")) == nil)
  }
}
