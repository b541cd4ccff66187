/// The published decoders that are read and written: one architecture but for biases, norms of heads and
/// sliding windows. The raw value is the `model_type`.
public enum ModelFamily: String, Sendable, Hashable, CaseIterable {
  /// LLaMA (Touvron et al., 2023).
  case llama
  /// Mistral (Jiang et al., 2023): attention may see the last tokens alone.
  case mistral
  /// Qwen2 (Yang et al., 2024): q, k and v have biases.
  case qwen2
  /// Qwen3 (Yang et al., 2025): the heads of q and k have norms.
  case qwen3

  /// The class in Python's transformers.
  var architecture: String {
    switch self {
    case .llama: "LlamaForCausalLM"
    case .mistral: "MistralForCausalLM"
    case .qwen2: "Qwen2ForCausalLM"
    case .qwen3: "Qwen3ForCausalLM"
    }
  }

  /// Whether `config.json` says layer by layer where the sliding window is.
  var hasLayerTypes: Bool { self == .qwen2 || self == .qwen3 }

  /// What transformers takes where `config.json` lacks `num_key_value_heads`; nil for as many as there are
  /// query heads.
  var absentKVHeads: Int? {
    switch self {
    case .llama: nil
    case .mistral: 8
    case .qwen2, .qwen3: 32
    }
  }

  /// What transformers takes where `config.json` lacks `max_position_embeddings`.
  var absentLength: Int {
    switch self {
    case .llama: 2048
    case .mistral: 131_072
    case .qwen2, .qwen3: 32_768
    }
  }
}

/// Attention in some layers that sees a few of the last tokens alone.
public struct SlidingWindow: Sendable, Hashable {
  /// How many tokens a query sees, its own among them.
  public var length: Int
  /// Which layers are limited so, counted from 0.
  public var layers: Set<Int>

  /// Bundles the two.
  public init(length: Int, layers: Set<Int>) {
    self.length = length
    self.layers = layers
  }
}
