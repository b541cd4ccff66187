import CastleFormats
package import CastleModel
import CastleTensors

extension Optimizer {
  /// The name of the file in a checkpoint.
  static let fileName = "training.safetensors"

  /// The moments of a parameter, or of the part of it that is in the optimizer's range.
  private struct Piece {
    /// The parameter's name, for a part followed by its places, as in `model.norm.weight[3..<7]`.
    var name: String
    /// The parameter's shape; a part is a vector.
    var shape: [Int]
    /// Where the moments are.
    var range: Range<Int>
  }

  private func pieces(_ layout: ParameterLayout) -> [Piece] {
    layout.entries.compactMap { entry in
      let part = entry.range.clamped(to: range)
      guard !part.isEmpty else { return nil }
      let own = part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound
      guard part != entry.range else { return Piece(name: entry.name, shape: entry.shape, range: own) }
      let places = part.lowerBound - entry.offset..<part.upperBound - entry.offset
      return Piece(name: "\(entry.name)[\(places)]", shape: [part.count], range: own)
    }
  }

  private var moments: [(prefix: String, matrix: Matrix)] {
    [("first_moment.", firstMoments), ("second_moment.", secondMoments)]
  }

  /// Writes the moments of every parameter under its name to a file in `folder`.
  package func save(layout: ParameterLayout, folder: String) throws {
    let pieces = pieces(layout)
    let writer = try SafetensorsWriter(
      path: folder + "/" + Self.fileName,
      tensors: moments.flatMap { prefix, _ in
        pieces.map { .init(name: prefix + $0.name, type: .f32, shape: $0.shape) }
      })
    for (_, matrix) in moments {
      for piece in pieces {
        try forEachChunk(of: piece.range) { try writer.write(numbers(of: matrix.columns($0))) }
      }
    }
    try writer.finish()
  }

  /// Reads what ``save(layout:folder:)`` wrote for the same range.
  package func load(layout: ParameterLayout, folder: String) throws {
    let file = try SafetensorsFile(path: folder + "/" + Self.fileName)
    for (prefix, matrix) in moments {
      for piece in pieces(layout) {
        let tensor = try file.tensor(prefix + piece.name)
        guard tensor.shape == piece.shape else {
          throw InputError(
            subject: "\(file.path)",
            problem: ": \(prefix + piece.name) has the shape \(tensor.shape), the model needs \(piece.shape)")
        }
        try forEachChunk(of: piece.range) { chunk in
          let numbers = try [Float](unsafeUninitializedCapacity: chunk.count) { numbers, count in
            let room = UnsafeMutableBufferPointer(rebasing: numbers[..<chunk.count])
            try tensor.readFloats(from: chunk.lowerBound - piece.range.lowerBound, into: room)
            count = chunk.count
          }
          numbers.withUnsafeBufferPointer { set(matrix.columns(chunk), to: $0) }
        }
      }
    }
  }

  /// Splits `range`, so that the copy of a large parameter on the host takes little memory.
  private func forEachChunk(of range: Range<Int>, _ body: (Range<Int>) throws -> Void) rethrows {
    let size = 1 << 20
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
      try body(start..<min(start + size, range.upperBound))
    }
  }
}
