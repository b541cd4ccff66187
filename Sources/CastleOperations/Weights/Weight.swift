public import CastleTensors

/// A matrix of parameters, (outputs, inputs), in the form in which it is stored.
///
/// Forward products read parameters through this type alone, so that a model for inference can hold each
/// matrix in a precision of its own. Training works on ``float32(_:)``, views of one arena.
public enum Weight {
  /// Single precision in memory of the backend.
  case float32(Matrix)
  /// Any format in the host's memory, for backends that ``Backend/readsPackedWeights``.
  case packed(PackedWeight)

  /// The number of outputs, or of tokens of an embedding.
  public var rowCount: Int {
    switch self {
    case .float32(let matrix): matrix.rowCount
    case .packed(let weight): weight.rowCount
    }
  }

  /// The number of inputs, or of features of an embedding.
  public var columnCount: Int {
    switch self {
    case .float32(let matrix): matrix.columnCount
    case .packed(let weight): weight.columnCount
    }
  }

  /// The bytes that one product reads.
  public var byteCount: Int {
    switch self {
    case .float32(let matrix): matrix.count * MemoryLayout<Float>.stride
    case .packed(let weight): weight.byteCount
    }
  }

  /// The same weights, where packed ones that follow each other in memory are one, so that one product makes
  /// all outputs.
  public static func joined(_ weights: [Weight]) -> [Weight] {
    weights.reduce(into: []) { joined, weight in
      if case .packed(let next) = weight, case .packed(let last)? = joined.last,
        let both = last.joined(with: next)
      {
        joined[joined.count - 1] = .packed(both)
      } else {
        joined.append(weight)
      }
    }
  }
}
