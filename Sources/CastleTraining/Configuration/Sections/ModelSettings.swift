/// The model to train: a preset, changed key by key.
public struct ModelSettings: ConfigurationSection {
  /// The name of the preset.
  public var preset = "3m-castle"
  /// A model folder that training starts from, in place of the preset and random weights. The other keys may
  /// not change its model.
  public var initial: String?
  /// The folder of a causal model that training starts from, with lookahead keys added: those of the preset,
  /// of which nothing else counts. At first they change nothing. The other keys may not change the rest of
  /// the model.
  public var fromCausal: String?
  /// The number of layers.
  public var layers: Int?
  /// The number of features of a token.
  public var hiddenSize: Int?
  /// The number of features inside the MLP.
  public var intermediateSize: Int?
  /// The number of heads.
  public var heads: Int?
  /// The number of heads whose keys and values are computed; a divisor of ``heads``.
  public var kvHeads: Int?
  /// The number of features of a head.
  public var headSize: Int?
  /// The number of tokens that a lookahead key reads.
  public var window: Int?
  /// The number of rows of the embedding.
  public var vocabularySize: Int?
  /// Whether the output head is the embedding.
  public var tiesEmbeddings: Bool?
  /// Whether the lookahead scores pass through SiLU.
  public var appliesSiLU: Bool?
  /// Whether the scores contain the causal keys.
  public var usesCausalKeys: Bool?
  /// Whether rotary positions turn v^U.
  public var rotatesLookaheadValues: Bool?

  /// Whether keys and values are mixed with those of the token before.
  public var shiftsKeysAndValues: Bool?

  /// The most tokens that the model may read.
  public var maximumLength: Int?

  /// The default settings.
  public init() {}

  /// The section `model`.
  public static var settings: [Setting<Self>] {
    [
      Setting("preset", \.preset, "what the other keys of this section start from (castle presets)"),
      Setting(
        path: "initial", \.initial,
        "model folder to train further, as it is, instead of a preset with random weights"),
      Setting(
        "from-causal", \.fromCausal,
        "causal model folder to start from, with the lookahead keys of the preset added and as many heads"),
      Setting("layers", \.layers, "layers", .ifPresent(.within(1...1_000))),
      Setting("hidden-size", \.hiddenSize, "features of a token", .ifPresent(.within(1...65_536))),
      Setting(
        "intermediate-size", \.intermediateSize, "features inside the MLP", .ifPresent(.within(1...1_048_576))
      ),
      Setting("heads", \.heads, "attention heads", .ifPresent(.within(1...4_096))),
      Setting(
        "kv-heads", \.kvHeads, "heads that have keys and values of their own",
        .ifPresent(.within(1...4_096))),
      Setting("head-size", \.headSize, "features of a head, even", .ifPresent(.within(2...4_096))),
      Setting("window", \.window, "tokens that a lookahead key reads", .ifPresent(.atLeast(0))),
      Setting(
        "vocabulary-size", \.vocabularySize, "rows of the embedding; null: the tokenizer's",
        .ifPresent(.within(2...10_000_000))),
      Setting(
        "maximum-length", \.maximumLength,
        "tokens that the model may read; null: those of a training sequence, at least 1024",
        .ifPresent(.within(1...1_048_576))),
      Setting("tied-embeddings", \.tiesEmbeddings, "whether the output head is the embedding"),
      Setting("silu", \.appliesSiLU, "whether lookahead scores pass through SiLU"),
      Setting("causal-keys", \.usesCausalKeys, "whether scores contain causal keys"),
      Setting(
        "rotary-lookahead-values", \.rotatesLookaheadValues, "whether rotary positions turn v^U"),
      Setting(
        "key-value-shift", \.shiftsKeysAndValues,
        "whether causal attention mixes keys and values with those of the token before"),
    ]
  }
}
