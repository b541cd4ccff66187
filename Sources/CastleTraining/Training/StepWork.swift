import CastleAttention
public import CastleModel
import CastleOperations

/// The useful operations of training, one addition or multiplication each.
///
/// Every number of a matrix costs 6 operations a token (2 forward, 4 backward), the embedding only where it
/// is the output head. Attention is counted forward and backward, as in Equations, Work.
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

    attention = (0..<configuration.layerCount).reduce(0) { sum, layer in
      let work = AttentionWork(
        mechanism: configuration.mechanism(ofLayer: layer), heads: configuration.heads.queryHeads,
        length: length, headSize: configuration.heads.headSize)
      return sum + work.forwardOperations + work.backwardOperations
    }
  }

  /// All operations per sequence.
  public var operations: Double { matrixProducts + attention }
}
