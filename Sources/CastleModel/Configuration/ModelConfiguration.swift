public import CastleAttention
public import CastleOperations

/// The shape of a language model: a decoder with RMSNorm, rotary positions and SwiGLU (Equations, Model).
///
/// The values are those of LLaMA's `config.json`, or of Mistral's or Qwen's, and this project's for lookahead
/// keys. ``family`` and all that only causal models have go with causal attention alone. A value made in code
/// is checked by ``validate()``, which every function that takes memory for a model calls.
public struct ModelConfiguration: Sendable, Hashable {
  /// The number of token ids, V.
  public var vocabularySize: Int
  /// The number of layers.
  public var layerCount: Int
  /// The number of features of a token, d_model.
  public var hiddenSize: Int
  /// The number of hidden features of the MLP.
  public var intermediateSize: Int
  /// The heads of each layer. Their width together need not be `hiddenSize`.
  public var heads: HeadLayout
  /// The attention of the layers; ``slidingWindow`` may limit it in some of them.
  public var mechanism: Mechanism
  /// Whose `config.json` it is. Qwen2 has biases of q, k and v, Qwen3 norms of the heads of q and k.
  public var family = ModelFamily.llama
  /// Whether q, k, v and the output of attention have biases, in LLaMA and Qwen3.
  public var hasAttentionBias = false
  /// Whether gate, up and down have biases, in LLaMA.
  public var hasMLPBias = false
  /// Which layers see a few of the last tokens alone, in Mistral and Qwen; nil for none.
  public var slidingWindow: SlidingWindow?
  /// The base of the rotary frequencies.
  public var rotaryTheta: Double = 10_000
  /// How the rotary frequencies differ from those of the base.
  public var rotaryScaling = RotaryScaling.none
  /// Whether rotary positions turn v^U too, which makes outputs independent of where a sequence starts.
  public var rotatesLookaheadValues = true
  /// Whether keys and values are mixed with those of the token before, by two learned numbers for the keys
  /// and two for the values of each head (Xu et al., "KV Shifting Attention Enhances Language Modeling",
  /// arXiv
  /// 2411.19574). They are mixed before rotary positions turn the keys. Only causal attention has it.
  public var shiftsKeysAndValues = false
  /// Added to the mean square in every RMSNorm.
  public var normEpsilon: Double = 1e-5
  /// Whether the output head is the token embedding.
  public var tiesEmbeddings = true
  /// The largest number of tokens of a sequence.
  public var maximumLength = 2048
  /// The number of tokens of the sequences that the model was last trained with, if known.
  public var trainingLength: Int?
  /// In which format the folder holds its matrices, but for the embedding, if it is a quantised one.
  public var quantization: WeightFormat?
  /// The id that starts a text, if there is one.
  public var beginOfTextID: Int?
  /// The ids that end a text; may be empty.
  public var endOfTextIDs: [Int] = []
  /// The id that fills unused places, if there is one.
  public var paddingID: Int?

  /// A configuration with LLaMA's customary values where none is given.
  public init(
    vocabularySize: Int, layerCount: Int, hiddenSize: Int, intermediateSize: Int, heads: HeadLayout,
    mechanism: Mechanism
  ) {
    self.vocabularySize = vocabularySize
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.heads = heads
    self.mechanism = mechanism
  }

  /// The number of trainable numbers.
  public var parameterCount: Int { ParameterLayout(self).parameterCount }

  /// Whether Python's transformers has no code for the model.
  var needsOwnCode: Bool { hasLookahead || shiftsKeysAndValues }

  /// Whether the model has none of the switches of published families.
  var isPlain: Bool {
    family == .llama && !hasAttentionBias && !hasMLPBias && slidingWindow == nil && rotaryScaling == .none
  }

  /// The attention of one layer.
  package func mechanism(ofLayer layer: Int) -> Mechanism {
    guard let slidingWindow, slidingWindow.layers.contains(layer) else { return mechanism }
    return .causal(lastTokens: slidingWindow.length)
  }

  /// Whether q, k and v have biases.
  package var hasProjectionBias: Bool { hasAttentionBias || family == .qwen2 }

  /// Whether the output projection of attention has a bias.
  package var hasOutputBias: Bool { hasAttentionBias }

  /// Whether the heads of q and k have norms.
  package var hasHeadNorms: Bool { family == .qwen3 }

  /// The rotary frequencies, headSize/2 of them: radians a token.
  package var rotaryFrequencies: [Double] {
    rotaryScaling.frequencies(theta: rotaryTheta, headSize: heads.headSize)
  }

  /// What rotated queries and keys are multiplied by.
  package var rotaryMagnitude: Double { rotaryScaling.magnitude }

  /// Whether the layers have q^U, k^U and v^U.
  package var hasLookahead: Bool { mechanism.hasLookahead }

  /// The width of all projections of a layer side by side: q^U k^U v^U q^C k^C v^C, or q k v.
  package var projectionWidth: Int {
    let keyProjections = hasLookahead ? 5 : 2
    return (heads.queryHeads + keyProjections * heads.kvHeads) * heads.headSize
  }

  /// The width of the attention's output.
  package var attentionWidth: Int { heads.queryHeads * heads.headSize }

  /// The columns of the keys and values of causal attention among its projections.
  package var keyAndValueColumns: Range<Int> { attentionWidth..<attentionWidth + 2 * kvWidth }

  /// The width of one projection that has only the KV heads.
  package var kvWidth: Int { heads.kvHeads * heads.headSize }
}
