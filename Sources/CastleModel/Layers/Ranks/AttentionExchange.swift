import CastleAttention
import CastleOperations
import CastleTensors

/// Attention among ranks that share the tokens of a batch.
///
/// Each rank has some of the tokens and computes all that is each token's own: embedding, norms, products,
/// the loss. Attention alone needs the others' tokens. Every rank makes the same calls.
protocol AttentionExchange: AnyObject {
  /// Which way it is.
  var sharing: TokenSharing { get }
  /// Where tokens stand.
  var places: TokenPositions { get }

  /// The tokens of `documents` that this rank has.
  func ownTokens(of documents: Documents) -> [Range<Int>]

  /// Takes in `documents`, over which the next calls attend.
  func begin(_ documents: Documents)

  /// From the projections of this rank's tokens, without places in their documents, to the output of
  /// attention.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func attend(layer: Int, _ activations: LayerActivations) throws

  /// From the gradient of attention's output in `workspace` to that of the projections, of this rank's
  /// tokens. Adds to the `gradients` of `parameters` that keys and values are shifted by.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func backward(
    layer: Int, _ activations: LayerActivations, parameters: ArenaParameters.Layer,
    gradients: ArenaParameters.Layer, workspace: GradientWorkspace) throws
}

extension Array {
  /// The elements at some places, in their order.
  package func elements(in ranges: [Range<Int>]) -> [Element] {
    ranges == [indices] ? self : ranges.flatMap { self[$0] }
  }
}
