public import CastleAttention
public import CastleOperations

/// The shape of a language model: a decoder with RMSNorm, rotary positions and SwiGLU (Equations, Model).
///
/// The values are those of LLaMA's `config.json`, and this project's for lookahead keys. A value made in code
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
  /// The attention of each layer.
  public var mechanism: Mechanism
  /// The base of the rotary frequencies.
  public var rotaryTheta: Double = 10_000
  /// Whether rotary positions turn v^U too, which makes outputs independent of where a sequence starts.
  public var rotatesLookaheadValues = true
  /// Whether keys and values are mixed with those of the token before, by two learned numbers for the keys and
  /// two for the values of each head (Xu et al., "KV Shifting Attention Enhances Language Modeling", arXiv
  /// 2411.19574). They are mixed before rotary positions turn the keys. Only causal attention has it.
  public var shiftsKeysAndValues = false
  /// Added to the mean square in every RMSNorm.
  public var normEpsilon: Double = 1e-5
  /// Whether the output head is the token embedding.
  public var tiesEmbeddings = true
  /// The largest number of tokens of a sequence.
  public var maximumLength = 2048
  /// The number of tokens of the windows that the model was last trained with, if known.
  public var trainingLength: Int?
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
