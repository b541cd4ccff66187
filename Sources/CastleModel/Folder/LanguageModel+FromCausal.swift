import CastleAttention
import CastleFormats
public import CastleOperations

extension LanguageModel {
  /// A model with lookahead keys that starts as the causal model in `folder`: its logits are the same, up to
  /// rounding.
  ///
  /// The causal q, k and v become q^C, k^C and v^C; q^U and k^U are drawn from `seed`, as in any model, and
  /// the projection of v^U is zero, so that all lookahead keys are zero and so is their share of the scores,
  /// SiLU(0). Heads are as many as before, which makes the layers larger by three projections.
  ///
  /// - Parameter configuration: That of the causal model, but for its mechanism, which must have lookahead
  /// keys.
  /// - Parameter note: Gets a line for what the folder holds beyond the model.
  ///
  /// Throws an `InputError` that names the file or tensor which is missing, superfluous or of the wrong
  /// shape.
  public convenience init(
    fromCausal folder: String, _ configuration: ModelConfiguration, backend: any Backend, seed: UInt64,
    note: (String) -> Void = { _ in }
  ) throws {
    precondition(configuration.hasLookahead, "a model without lookahead keys")
    var causal = configuration
    causal.mechanism = .causal
    let tensors = try ModelTensors(folder: folder)
    try tensors.check(
      against: ParameterLayout(causal), configuration: causal, ignoresStrangers: true, note: note)
    try self.init(configuration, backend: backend, seed: seed)
    for entry in layout.entries {
      guard let name = Self.causalName(entry.name, layers: configuration.layerCount) else { continue }
      let tensor = try tensors.tensor(name)
      try fill(entry) { start, piece in try tensor.readFloats(from: start, into: piece) }
    }
    for layer in 0..<configuration.layerCount {
      if let projection = view(named: ParameterName.attention(layer, "vu")) {
        backend.fill(projection, with: 0)
      }
    }
  }

  /// What a causal model calls the parameter `name`; nil if it has none.
  private static func causalName(_ name: String, layers: Int) -> String? {
    for layer in 0..<layers where name.hasPrefix("model.layers.\(layer).") {
      if ["qu", "ku", "vu"].contains(where: { name == ParameterName.attention(layer, $0) }) { return nil }
      let causal = ["q", "k", "v"].first { name == ParameterName.attention(layer, $0 + "c") }
      return causal.map { ParameterName.attention(layer, $0) } ?? name
    }
    return name
  }
}
