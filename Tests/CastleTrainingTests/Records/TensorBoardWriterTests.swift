import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct TensorBoardWriterTests {
  /// The event of a scalar, byte for byte, apart from its time: TFRecord framing, then field numbers of
  /// tensorflow.Event as the `tensorboard` package reads them.
  @Test func aScalarEventHasTheBytesOfTheFormat() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.path)
    let start = try folder.bytes(folder.names()[0]).count
    writer.add(scalars: [("a", 1.5)], step: 300)
    try writer.flush()
    let record = Array(try folder.bytes(folder.names()[0])[start...])

    #expect(Array(record[0..<8]) == [24, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(record[8..<12]) == [0xa3, 0x7f, 0x4b, 0x22])
    #expect(record[12] == 0x09)
    #expect(
      Array(record[21..<36])
        == [0x10, 0xac, 0x02, 0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, 0x61, 0x15, 0, 0, 0xc0, 0x3f])
    #expect(record.count == 12 + 24 + 4)
  }

  @Test func aContinuedRunMakesAFileThatSortsLater() throws {
    let folder = try TemporaryFolder()
    let first = try TensorBoardWriter(folder: folder.path)
    let second = try TensorBoardWriter(folder: folder.path, firstStep: 11)
    #expect(first.path < second.path)
    #expect(try folder.names().count == 2)
  }
}
