import CastleCluster
import CastleOperations

/// How ranks that share the tokens of a batch compute its attention.
enum TokenSharing {
  /// There is one rank.
  case none
  /// ``HeadExchange``: each has some heads.
  case heads
  /// ``PanelExchange``: each has some keys.
  case panels

  init(_ configuration: ModelConfiguration, ranks: World) {
    self = ranks.size == 1 ? .none : ranks.size <= configuration.heads.kvHeads ? .heads : .panels
  }

  /// What a rank does not need of its own tokens.
  var omittedActivations: [LayerActivation] {
    switch self {
    case .none: []
    case .heads: [.unshifted, .logSumExp, .lookaheadKeys]
    case .panels: [.unshifted, .logSumExp]
    }
  }

  /// What a rank needs of its own tokens only for a moment.
  var passingActivations: [LayerActivation] { self == .heads ? [.projections] : [] }

  /// The numbers that the exchange holds on the rank that needs the most, without positions.
  func count(
    _ configuration: ModelConfiguration, capacity: Int, keepsLayers: Bool, ranks: World
  ) -> Double {
    switch self {
    case .none: 0
    case .heads:
      HeadExchange.count(configuration, capacity: capacity, keepsLayers: keepsLayers, ranks: ranks)
    case .panels:
      PanelSizes(configuration, capacity: capacity, ranks: ranks)
        .count(layers: keepsLayers ? configuration.layerCount : 1)
    }
  }

  /// The most numbers that a rank sends or receives at a time.
  func largestTransfer(_ configuration: ModelConfiguration, capacity: Int, ranks: World) -> Double {
    switch self {
    case .none: return 0
    case .heads:
      let own = HeadSplit.largest(configuration, ranks: ranks)
      return max(
        Double(capacity) * Double(own.projectionWidth),
        Double(ranks.largestShare(of: capacity)) * Double(configuration.projectionWidth))
    case .panels: return PanelSizes(configuration, capacity: capacity, ranks: ranks).transferCount
    }
  }
}
