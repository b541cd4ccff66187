import CastleOperations

/// What one layer computes for a number of tokens and what its backward pass reads.
typealias LayerActivations = TokenMatrices<LayerActivation>

/// The activations of a layer, in the order in which they are computed.
enum LayerActivation: Int, TokenQuantity {
  /// The residual stream before attention.
  case attentionInput
  /// 1 / rms of each row of ``attentionInput``.
  case attentionScales
  /// The normalized input of the projections.
  case attentionNormed
  /// Queries and keys before the norms of their heads; only models with such norms have them.
  case plainHeads
  /// 1 / rms of each head of ``plainHeads``.
  case headScales
  /// Keys and values side by side before they are mixed with those before, if they are.
  case unshifted
  /// The projections, turned by their positions.
  case projections
  /// The output of attention.
  case attended
  /// The log-sum-exp of the scores of each query head.
  case logSumExp
  /// The final lookahead keys; causal attention has none.
  case lookaheadKeys
  /// The residual stream before the MLP.
  case mlpInput
  /// 1 / rms of each row of ``mlpInput``.
  case mlpScales
  /// The normalized input of the MLP.
  case mlpNormed
  /// Gate and up side by side.
  case gateUp
  /// SiLU(gate) · up.
  case hidden

  func shape(_ configuration: ModelConfiguration) -> TokenShape {
    switch self {
    case .attentionInput, .attentionNormed, .mlpInput, .mlpNormed: .rows(of: configuration.hiddenSize)
    case .attentionScales, .mlpScales: .columns(of: 1)
    case .plainHeads:
      .rows(of: configuration.hasHeadNorms ? configuration.attentionWidth + configuration.kvWidth : 0)
    case .headScales:
      .rows(of: configuration.hasHeadNorms ? configuration.heads.queryHeads + configuration.heads.kvHeads : 0)
    case .unshifted: .rows(of: configuration.shiftsKeysAndValues ? 2 * configuration.kvWidth : 0)
    case .projections: .rows(of: configuration.projectionWidth)
    case .attended: .rows(of: configuration.attentionWidth)
    case .logSumExp: .columns(of: configuration.heads.queryHeads)
    case .lookaheadKeys: .rows(of: configuration.hasLookahead ? configuration.kvWidth : 0)
    case .gateUp: .rows(of: 2 * configuration.intermediateSize)
    case .hidden: .rows(of: configuration.intermediateSize)
    }
  }
}

extension LayerActivation {
  /// What attention reads and leaves, which depends on other tokens: the rest is each token's own.
  static let ofAttention: [Self] = [.unshifted, .projections, .attended, .logSumExp, .lookaheadKeys]
}

/// Gradients of activations that one layer after the other uses.
typealias GradientWorkspace = TokenMatrices<ActivationGradient>

/// The activations whose gradients a backward pass holds.
enum ActivationGradient: Int, TokenQuantity {
  /// The residual stream.
  case stream
  /// A norm's output.
  case normed
  /// The projections.
  case projections
  /// The output of attention.
  case attended
  /// The hidden features of the MLP.
  case hidden

  func shape(_ configuration: ModelConfiguration) -> TokenShape {
    switch self {
    case .stream, .normed: .rows(of: configuration.hiddenSize)
    case .projections: .rows(of: configuration.projectionWidth)
    case .attended: .rows(of: configuration.attentionWidth)
    case .hidden: .rows(of: configuration.intermediateSize)
    }
  }
}
