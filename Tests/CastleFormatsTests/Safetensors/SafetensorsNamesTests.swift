import CastleFormats
import CastleMeasurement
import Testing

/// Names of tensors are bytes: `String` takes these for equal.
struct SafetensorsNamesTests {
  @Test(arguments: [("\u{3A9}", "\u{2126}"), ("\u{1EC7}", "e\u{323}\u{302}")])
  func namesThatOnlyStringTakesForEqualAreTwo(_ first: String, _ second: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let writer = try SafetensorsWriter(
      path: path,
      tensors: [.init(name: first, type: .f32, shape: [1]), .init(name: second, type: .f32, shape: [2])])
    try writer.write([1] as [Float])
    try writer.write([2, 3] as [Float])
    try writer.finish()
    let file = try SafetensorsFile(path: path)
    #expect(file.names.map { Array($0.utf8) } == [Array(first.utf8), Array(second.utf8)])
    #expect(try file.floats(first) == [1])
    #expect(try file.floats(second) == [2, 3])
  }

  @Test func aFailedDownloadIsNamed() throws {
    let folder = try TemporaryFolder()
    for (text, what) in [
      ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
      ("<!doctype html><title>404</title>", "HTML page"),
    ] {
      try folder.write(text, to: "model.safetensors")
      let error = try #require(throws: InputError.self) {
        try SafetensorsFile(path: folder.path("model.safetensors"))
      }
      #expect(error.description.contains(what), "\(error)")
    }
  }
}
