import CastleFormats
import CastleModel
import CastleTensors

extension Optimizer {
  /// The name of the file in a checkpoint.
  static let fileName = "training.safetensors"

  private static let firstPrefix = "first_moment."
  private static let secondPrefix = "second_moment."

  /// Writes the moments of every parameter under its name.
  func save(layout: ParameterLayout, folder: String) throws {
    let tensors = [(Self.firstPrefix, firstMoments), (Self.secondPrefix, secondMoments)]
    let writer = try SafetensorsWriter(
      path: folder + "/" + Self.fileName,
      tensors: tensors.flatMap { prefix, _ in
        layout.entries.map { .init(name: prefix + $0.name, type: .f32, shape: $0.shape) }
      })
    for (_, moments) in tensors {
      for entry in layout.entries {
        try forEachPiece(of: entry.range) { piece in try writer.write(numbers(of: moments.columns(piece))) }
      }
    }
    try writer.finish()
  }

  /// Reads what ``save(layout:folder:)`` wrote.
  func load(layout: ParameterLayout, folder: String) throws {
    let file = try SafetensorsFile(path: folder + "/" + Self.fileName)
    for (prefix, moments) in [(Self.firstPrefix, firstMoments), (Self.secondPrefix, secondMoments)] {
      for entry in layout.entries {
        let tensor = try file.tensor(prefix + entry.name)
        guard tensor.shape == entry.shape else {
          throw InputError(
            "\(file.path): \(prefix + entry.name) has the shape \(tensor.shape), the model needs \(entry.shape)"
          )
        }
        try forEachPiece(of: entry.range) { piece in
          let numbers = try [Float](unsafeUninitializedCapacity: piece.count) { numbers, count in
            let room = UnsafeMutableBufferPointer(rebasing: numbers[..<piece.count])
            try tensor.readFloats(from: piece.lowerBound - entry.offset, into: room)
            count = piece.count
          }
          numbers.withUnsafeBufferPointer { set(moments.columns(piece), to: $0) }
        }
      }
    }
  }

  /// Splits `range`, so that the copy of a large parameter on the host takes little memory.
  private func forEachPiece(of range: Range<Int>, _ body: (Range<Int>) throws -> Void) rethrows {
    let size = 1 << 20
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
      try body(start..<min(start + size, range.upperBound))
    }
  }
}
