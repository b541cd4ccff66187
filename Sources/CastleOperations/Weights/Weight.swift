public import CastleTensors

/// A matrix of parameters, (outputs, inputs), in the form in which it lies in memory.
///
/// Forward products read parameters through this type alone, so that a model for inference can hold each matrix in a precision
/// of its own. Training works on ``float32(_:)``, views of one arena.
public enum Weight {
  /// Single precision.
  case float32(Matrix)

  /// The number of outputs, or of tokens of an embedding.
  public var rowCount: Int {
    switch self {
    case .float32(let matrix): matrix.rowCount
    }
  }

  /// The number of inputs, or of features of an embedding.
  public var columnCount: Int {
    switch self {
    case .float32(let matrix): matrix.columnCount
    }
  }

  /// The bytes that one product reads.
  public var byteCount: Int {
    switch self {
    case .float32(let matrix): matrix.count * MemoryLayout<Float>.stride
    }
  }
}
