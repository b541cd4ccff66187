import CastleAttention
public import CastleModel
import CastleOperations

/// The useful operations of training, one addition or multiplication each.
///
/// Every number of a matrix costs 6 operations a token (2 forward, 4 backward), the embedding only where it
/// is the output head. Attention is counted in units (Equations, Work) over the pairs of tokens that see each
/// other: forward and backward together 7 units for causal attention, 21 for lookahead keys, 11 for them
/// outside the window, at 2 · d operations a pair and unit.
public struct StepWork: Sendable, Hashable {
  /// The operations of matrix products per sequence.
  public let matrixProducts: Double
  /// The operations of attention per sequence.
  public let attention: Double

  /// The work on one sequence of `length` tokens that are one document.
  public init(_ configuration: ModelConfiguration, length: Int) {
    let layout = ParameterLayout(configuration)
    let embedding = configuration.vocabularySize * configuration.hiddenSize
    let multiplied = layout.matrices.count - (configuration.tiesEmbeddings ? 0 : embedding)
    matrixProducts = 6 * Double(multiplied) * Double(length)

    let tokens = Double(length)
    let pairs = tokens * (tokens + 1) / 2
    let window = Double(min(configuration.mechanism.windowLength, length))
    let ahead = window * tokens - window * (window - 1) / 2
    let units = (0..<configuration.layerCount).reduce(0.0) { sum, layer in
      let mechanism = configuration.mechanism(ofLayer: layer)
      guard !mechanism.hasLookahead else {
        return sum + 21 * min(ahead, pairs) + 11 * max(0, pairs - ahead)
      }
      let visible = Double(min(mechanism.visibleLength, length))
      return sum + 7 * (visible * tokens - visible * (visible - 1) / 2)
    }
    attention = units * 2 * Double(configuration.heads.headSize * configuration.heads.queryHeads)
  }

  /// All operations per sequence.
  public var operations: Double { matrixProducts + attention }
}
