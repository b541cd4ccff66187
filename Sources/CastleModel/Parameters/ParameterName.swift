/// The names of parameters in Hugging Face's LLaMA folders.
package enum ParameterName {
  package static let embedding = "model.embed_tokens.weight"
  package static let finalNorm = "model.norm.weight"
  package static let head = "lm_head.weight"

  /// The projections of attention in their order in the arena, and side by side in activations.
  package static func projections(hasLookahead: Bool) -> [String] {
    hasLookahead ? ["qu", "ku", "vu", "qc", "kc", "vc"] : ["q", "k", "v"]
  }

  package static func attention(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).self_attn.\(projection)_proj.weight"
  }

  package static func attentionBias(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).self_attn.\(projection)_proj.bias"
  }

  /// The norm of the heads of q or k.
  package static func headNorm(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).self_attn.\(projection)_norm.weight"
  }

  /// Own and before, for the keys of all heads and then for the values: (2, 2 · KV heads).
  package static func shift(_ layer: Int) -> String { "model.layers.\(layer)" + shiftSuffix }

  static let shiftSuffix = ".self_attn.kv_shift"

  package static func mlp(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).mlp.\(projection)_proj.weight"
  }

  package static func mlpBias(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).mlp.\(projection)_proj.bias"
  }

  package static func attentionNorm(_ layer: Int) -> String {
    "model.layers.\(layer).input_layernorm.weight"
  }

  package static func mlpNorm(_ layer: Int) -> String {
    "model.layers.\(layer).post_attention_layernorm.weight"
  }

  /// Whether a model that is implemented, of some configuration, has a parameter called `name`.
  static func isOfSomeModel(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 3, parts[0] == "model", parts[1] == "layers", let layer = Int(parts[2]) else {
      return [embedding, finalNorm, head].contains(name)
    }
    let projections = projections(hasLookahead: true) + projections(hasLookahead: false) + ["o"]
    let vectors = [attentionNorm(layer), mlpNorm(layer), headNorm(layer, "q"), headNorm(layer, "k")]
    return (vectors + [shift(layer)]).contains(name)
      || projections.contains { name == attention(layer, $0) || name == attentionBias(layer, $0) }
      || ["gate", "up", "down"].contains { name == mlp(layer, $0) || name == mlpBias(layer, $0) }
  }
}
