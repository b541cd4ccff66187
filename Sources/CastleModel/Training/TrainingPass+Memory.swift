import CastleAttention
package import CastleCluster
import CastleOperations

extension TrainingPass {
  /// The memory that a pass of this size plans, in bytes: activations, their gradients and some rows of
  /// logits, without the weights and the gradients of the weights. At most `Int.max`.
  public static func byteCount(
    _ configuration: ModelConfiguration, batch: Int, length: Int, recomputesActivations: Bool = false
  ) -> Int {
    byteCount(
      configuration, batch: batch, length: length, recomputesActivations: recomputesActivations,
      ranks: .single)
  }

  /// The bytes that the rank that has the most sends or receives at a time, if `ranks` share the tokens.
  package static func largestTransfer(
    _ configuration: ModelConfiguration, batch: Int, length: Int, ranks: World
  ) -> Double {
    TokenSharing(configuration, ranks: ranks).largestTransfer(
      configuration, capacity: batch * length, ranks: ranks) * Double(MemoryLayout<Float>.size)
  }

  /// The most tokens of a batch of `capacity` that a rank computes.
  static func ownCapacity(_ configuration: ModelConfiguration, _ capacity: Int, ranks: World) -> Int {
    switch TokenSharing(configuration, ranks: ranks) {
    case .none: capacity
    case .heads: ranks.largestShare(of: capacity)
    case .panels: PanelShares.largestShare(of: capacity, owners: ranks.size)
    }
  }

  /// The memory on the rank of `ranks` that needs the most, if these share the tokens.
  package static func byteCount(
    _ configuration: ModelConfiguration, batch: Int, length: Int, recomputesActivations: Bool = false,
    ranks: World
  ) -> Int {
    let sharing = TokenSharing(configuration, ranks: ranks)
    let capacity = batch * length
    let ownCapacity = ownCapacity(configuration, capacity, ranks: ranks)
    let omitted = sharing.omittedActivations
    let passing = [.hidden] + sharing.passingActivations
    let kept = LayerActivation.allCases.filter { !omitted.contains($0) }
    let first = LayerActivations.countPerToken(configuration, kept)
    let further =
      recomputesActivations
      ? configuration.hiddenSize : first - LayerActivations.countPerToken(configuration, passing)
    let layers = first + (configuration.layerCount - 1) * further
    let last = 2 * configuration.hiddenSize + 1
    let ids = 2
    let positions = sharing == .panels ? ownCapacity : capacity
    let perToken = layers + last + ids + GradientWorkspace.countPerToken(configuration)
    let ofAttention = sharing.count(
      configuration, capacity: capacity, keepsLayers: !recomputesActivations, ranks: ranks)
    let chunk = OutputHead.chunkSize(configuration, tokenCount: ownCapacity)
    let table = length * configuration.heads.headSize
    let logits = chunk * (configuration.vocabularySize + 1)
    // Exact below 2^53 bytes; beyond, what no machine has must still be a number.
    let count =
      Double(ownCapacity) * Double(perToken) + Double(positions) + ofAttention
      + Double(logits + table)
    return Int(exactly: 4 * count) ?? .max
  }
}
