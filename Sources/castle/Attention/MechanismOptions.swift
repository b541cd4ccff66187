public import ArgumentParser
import CastleAttention

extension Mechanism.Kind: ExpressibleByArgument {}

/// What chooses a member of the attention family.
struct MechanismOptions: ParsableArguments {
  @Option(help: "Which attention: causal, castle or castle-swl.")
  var mechanism: Mechanism.Kind

  @Option(
    parsing: .unconditional,
    help: "For castle-swl: how many later tokens a key may read (0 is causal attention).")
  var window: Int?

  @Flag(help: "Ablation: the lookahead term does not pass through SiLU.")
  var withoutSilu = false

  @Flag(help: "Ablation: the scores have no causal term.")
  var withoutCausalKeys = false

  func validate() throws {
    if mechanism == .castleSWL { try OptionRange.check("--window", window, 0...) }
    switch (mechanism, window) {
    case (.castleSWL, nil):
      throw ValidationError("--mechanism castle-swl needs --window, the number of tokens a key may read")
    case (.causal, nil) where withoutSilu || withoutCausalKeys:
      throw ValidationError(
        "--without-silu and --without-causal-keys belong to lookahead keys; causal attention has none")
    case (.causal, _?), (.castle, _?):
      throw ValidationError("--window belongs to --mechanism castle-swl, not to \(mechanism.rawValue)")
    default:
      break
    }
  }

  /// The attention that the options choose.
  var value: Mechanism {
    var value = Mechanism(mechanism, window: window ?? 0)
    value.appliesSiLU = !withoutSilu
    value.usesCausalKeys = !withoutCausalKeys
    return value
  }
}
