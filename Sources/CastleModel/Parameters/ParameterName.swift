/// The names of parameters in Hugging Face's LLaMA folders.
package enum ParameterName {
  package static let embedding = "model.embed_tokens.weight"
  package static let finalNorm = "model.norm.weight"
  package static let head = "lm_head.weight"

  /// The projections of attention in the order in which they lie in the arena and side by side in activations.
  package static func projections(hasLookahead: Bool) -> [String] {
    hasLookahead ? ["qu", "ku", "vu", "qc", "kc", "vc"] : ["q", "k", "v"]
  }

  package static func attention(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).self_attn.\(projection)_proj.weight"
  }

  package static func mlp(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).mlp.\(projection)_proj.weight"
  }

  package static func attentionNorm(_ layer: Int) -> String {
    "model.layers.\(layer).input_layernorm.weight"
  }

  package static func mlpNorm(_ layer: Int) -> String {
    "model.layers.\(layer).post_attention_layernorm.weight"
  }
}
