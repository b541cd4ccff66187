import CastleOperations
import CastleTensors

/// The cosines and sines of all positions that have occurred, made as far as they are needed.
final class RotaryTable {
  /// A row for each position from 0 on.
  private(set) var matrix: Matrix

  private let backend: any Backend
  private let configuration: ModelConfiguration

  /// A table of no positions.
  init(_ model: LanguageModel) {
    backend = model.backend
    configuration = model.configuration
    matrix = backend.allocate(Float.self, rowCount: 0, columnCount: configuration.heads.headSize)
  }

  /// Makes rows for sequences of up to `length` tokens. A table that grows again doubles at least, up to the
  /// model's longest sequence.
  func reserve(_ length: Int) {
    guard length > matrix.rowCount else { return }
    let count = max(length, min(2 * matrix.rowCount, configuration.maximumLength))
    matrix = backend.rotaryTable(
      frequencies: configuration.rotaryFrequencies, magnitude: configuration.rotaryMagnitude, length: count)
  }
}

/// Where tokens stand in their sequences.
struct RotaryPositions {
  /// The position of each token, one row.
  let indices: IndexMatrix
  /// The rows of a ``RotaryTable``.
  let table: Matrix
}
