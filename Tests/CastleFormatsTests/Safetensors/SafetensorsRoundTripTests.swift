import CastleMeasurement
import CastleFormats
import Testing

@Suite struct SafetensorsRoundTripTests {
  @Test func everythingComesBack() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      let writer = try SafetensorsWriter(
        path: path,
        tensors: [
          .init(name: "single", type: .f32, shape: [2, 3]), .init(name: "none", type: .f32, shape: [0, 4]),
          .init(name: "double \"ü\"\n", type: .f64, shape: []), .init(name: "ids", type: .i64, shape: [2]),
        ], metadata: ["format": "pt", "note": "a\\b\t€"])
      try writer.write([1, -2.5] as [Float])
      try writer.write([.infinity, 4, 5, 0x1p-130] as [Float])
      try writer.write([0.1] as [Double])
      try writer.write([-1, 1 << 40] as [Int64])
      #expect(try names(in: folder).contains("a.safetensors") == false)
      try writer.finish()

      let file = try SafetensorsFile(path: path)
      #expect(file.names == ["single", "none", "double \"ü\"\n", "ids"])
      #expect(file.metadata == ["format": "pt", "note": "a\\b\t€"])
      #expect(try file.floats("single") == [1, -2.5, .infinity, 4, 5, 0x1p-130])
      #expect(try file.tensor("single").shape == [2, 3])
      #expect(try file.floats("none") == [])
      #expect(try file.doubles("double \"ü\"\n") == [0.1])
      #expect(try file.tensor("ids").integers() == [-1, 1 << 40])
      #expect(message { _ = try file.floats("ids") }?.contains("ids") == true)
      #expect(message { _ = try file.tensor("other") }?.contains("no tensor other") == true)
    }
  }

  @Test(
    arguments: [
      (0x0000, 0), (0x8000, -0.0), (0x3c00, 1), (0xc000, -2), (0x7bff, 65504), (0x0001, 0x1p-24),
      (0x03ff, 1023 * 0x1p-24), (0x0400, 0x1p-14), (0x7c00, .infinity), (0xfc00, -.infinity),
      (0x3555, 0.333251953125),
    ] as [(UInt16, Float)])
  func halfPrecision(pattern: UInt16, value: Float) throws {
    #expect(try read(pattern, .f16).bitPattern == value.bitPattern)
  }

  @Test func halfPrecisionNaN() throws {
    #expect(try read(0x7e00, .f16).isNaN)
  }

  @Test(arguments: [(0x3f80, 1), (0xc040, -3), (0x7f80, .infinity), (0x0001, 0x1p-133)] as [(UInt16, Float)])
  func brainFloat(pattern: UInt16, value: Float) throws {
    #expect(try read(pattern, .bf16) == value)
  }

  private func read(_ pattern: UInt16, _ type: SafetensorsType) throws -> Float {
    try withTemporaryFolder { folder in
      let writer = try SafetensorsWriter(
        path: "\(folder)/x", tensors: [.init(name: "x", type: type, shape: [1])])
      try withUnsafeBytes(of: pattern.littleEndian) { try writer.write($0, type: type) }
      try writer.finish()
      return try SafetensorsFile(path: "\(folder)/x").floats("x")[0]
    }
  }
}
