import CastleFormats
package import CastleModel
import CastleTensors

extension Optimizer {
  /// The name of the file in a checkpoint.
  static let fileName = "training.safetensors"

  /// A part of one parameter that lies in one of the optimizer's ranges.
  private struct Piece {
    /// The number of the parameter in the layout.
    var entry: Int
    /// The first of its elements.
    var start: Int
    /// Where the moments lie.
    var moments: Range<Int>
  }

  private func pieces(_ layout: ParameterLayout) -> [Piece] {
    var count = 0
    return ranges.flatMap { range in
      layout.entries.enumerated().compactMap { index, entry in
        let part = entry.range.clamped(to: range)
        guard !part.isEmpty else { return nil }
        defer { count += part.count }
        return Piece(entry: index, start: part.lowerBound - entry.offset, moments: count..<count + part.count)
      }
    }
  }

  private var moments: [(prefix: String, matrix: Matrix)] {
    [("first_moment.", firstMoments), ("second_moment.", secondMoments)]
  }

  /// Writes the moments of the optimizer's parameters to a file in `folder`, which holds those of every
  /// parameter under its name. Optimizers of other ranges write to the same file: `isFirst` makes it.
  package func save(layout: ParameterLayout, folder: String, isFirst: Bool = true) throws {
    let file = try SharedSafetensorsFile(
      path: folder + "/" + Self.fileName,
      tensors: moments.flatMap { prefix, _ in
        layout.entries.map { .init(name: prefix + $0.name, type: .f32, shape: $0.shape) }
      }, isNew: isFirst)
    for (index, (_, matrix)) in moments.enumerated() {
      for piece in pieces(layout) {
        try forEachChunk(of: piece.moments) { chunk in
          try numbers(of: matrix.columns(chunk)).withUnsafeBufferPointer {
            try file.write(
              $0, tensor: index * layout.entries.count + piece.entry,
              from: piece.start + chunk.lowerBound - piece.moments.lowerBound)
          }
        }
      }
    }
    try file.synchronize()
  }

  /// Reads the moments of the optimizer's parameters from what ``save(layout:folder:isFirst:)`` of optimizers
  /// of all parameters have written, whatever their ranges were.
  package func load(layout: ParameterLayout, folder: String) throws {
    let file = try SafetensorsFile(path: folder + "/" + Self.fileName)
    for (prefix, matrix) in moments {
      for piece in pieces(layout) {
        let entry = layout.entries[piece.entry]
        let tensor = try file.tensor(prefix + entry.name)
        guard tensor.shape == entry.shape else {
          throw InputError(
            subject: "\(file.path)",
            problem: ": \(prefix + entry.name) has the shape \(tensor.shape), the model needs \(entry.shape)")
        }
        try forEachChunk(of: piece.moments) { chunk in
          let numbers = try [Float](unsafeUninitializedCapacity: chunk.count) { numbers, count in
            let room = UnsafeMutableBufferPointer(rebasing: numbers[..<chunk.count])
            try tensor.readFloats(
              from: piece.start + chunk.lowerBound - piece.moments.lowerBound, into: room)
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
