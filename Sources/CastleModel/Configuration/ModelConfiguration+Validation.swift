import CastleAttention
import CastleFormats
import CastleOperations

extension ModelConfiguration {
  /// Checks every value, under the names of `config.json`.
  ///
  /// - Throws: ``InputError`` that names the key, its value and what would be right.
  public func validate() throws {
    let limits = ModelLimits.self
    try Self.check("vocab_size", vocabularySize, within: limits.vocabulary)
    try Self.check("num_hidden_layers", layerCount, within: limits.layers)
    try Self.check("hidden_size", hiddenSize, within: limits.width)
    try Self.check("intermediate_size", intermediateSize, within: limits.width)
    try Self.check("num_attention_heads", heads.queryHeads, within: limits.heads)
    try Self.check("num_key_value_heads", heads.kvHeads, within: limits.heads)
    try Self.check("head_dim", heads.headSize, within: limits.headSize)
    try Self.checkEvenHeads(heads.headSize)
    try Self.check("max_position_embeddings", maximumLength, within: limits.length)
    if let trainingLength {
      try Self.check("training_length", trainingLength, within: 1...maximumLength)
    }
    guard rotaryTheta.isFinite, rotaryTheta > 0 else {
      throw Self.error("rope_theta", "is \(rotaryTheta), it must be a positive number such as 10000")
    }
    guard normEpsilon.isFinite, normEpsilon > 0, normEpsilon < 1 else {
      throw Self.error("rms_norm_eps", "is \(normEpsilon), it must be between 0 and 1, such as 1e-05")
    }
    guard mechanism.hasLookahead || mechanism.usesCausalKeys else {
      throw Self.error("causal_keys", "is false without lookahead keys, which only attention_type castle has")
    }
    guard !shiftsKeysAndValues || !mechanism.hasLookahead else {
      throw Self.error("key_value_shift", "is true with lookahead keys, only attention_type causal has it")
    }
    guard !shiftsKeysAndValues || isPlain else {
      throw Self.error(
        "key_value_shift",
        "is true in a model with biases, norms of heads, sliding windows or scaled rotary positions, "
          + "which have none")
    }
    try checkSwitches()
    // Published files name ids beyond the vocabulary: that matters only where one is used.
    let ids = [("bos_token_id", beginOfTextID), ("pad_token_id", paddingID)]
    for (key, id) in ids + endOfTextIDs.map({ ("eos_token_id", $0) }) {
      if let id { try Self.check(key, id, within: 0...Int(Int32.max)) }
    }
    try checkTotal()
  }

  /// What only some causal models have.
  private func checkSwitches() throws {
    let switches: [(key: String, isSet: Bool, families: [ModelFamily])] = [
      ("model_type", family != .llama, ModelFamily.allCases),
      ("attention_bias", hasAttentionBias, [.llama, .qwen3]), ("mlp_bias", hasMLPBias, [.llama]),
      ("sliding_window", slidingWindow != nil, [.mistral, .qwen2, .qwen3]),
      ("rope_scaling", rotaryScaling != .none, ModelFamily.allCases),
    ]
    for (key, isSet, families) in switches where isSet {
      guard !mechanism.hasLookahead else {
        throw Self.error(
          key,
          "is of a causal model; with lookahead keys there are no biases, norms of heads, sliding windows "
            + "or scaled rotary positions")
      }
      guard families.contains(family) else {
        throw Self.error(key, "is set, which \(family.rawValue) models do not have")
      }
    }
    guard let slidingWindow else { return }
    try Self.check("sliding_window", slidingWindow.length, within: ModelLimits.length)
    guard slidingWindow.layers.allSatisfy((0..<layerCount).contains),
      family.hasLayerTypes || slidingWindow.layers.count == layerCount
    else {
      throw Self.error(
        "sliding_window",
        family.hasLayerTypes
          ? "is in layers beyond num_hidden_layers, \(layerCount)"
          : "must be in every layer of a mistral model")
    }
  }

  static func check(_ key: String, _ value: Int, within range: ClosedRange<Int>) throws {
    guard range.contains(value) else {
      throw error(key, "is \(value), it must be between \(range.lowerBound) and \(range.upperBound)")
    }
  }

  static func checkEvenHeads(_ headSize: Int) throws {
    guard headSize.isMultiple(of: 2) else {
      throw error("head_dim", "is \(headSize), rotary positions need an even size")
    }
  }

  private static func error(_ key: String, _ problem: ErrorText) -> InputError {
    InputError(subject: ErrorText(.key(key)), problem: problem)
  }

  /// The limits keep each matrix within 2⁴⁴ numbers, so the sum below cannot overflow.
  private func checkTotal() throws {
    let vectors = projectionWidth + 2 * intermediateSize + 2 * hiddenSize + 2 * heads.headSize
    let perLayer = (projectionWidth + attentionWidth + 3 * intermediateSize + 2) * hiddenSize + vectors
    let total = layerCount * perLayer + (tiesEmbeddings ? 1 : 2) * vocabularySize * hiddenSize
    guard total <= ModelLimits.parameters else {
      throw InputError(
        subject: "the model",
        problem: "would have \(total) parameters, at most \(ModelLimits.parameters) are possible",
        remedy: "lower \(.key("hidden_size")), \(.key("intermediate_size")), \(.key("num_hidden_layers")) or "
          + "\(.key("vocab_size"))")
    }
  }
}

/// What this implementation accepts; beyond any model that fits a machine.
enum ModelLimits {
  static let vocabulary = 1...(1 << 24)
  static let layers = 1...4096
  static let width = 1...(1 << 20)
  static let heads = 1...4096
  static let headSize = 2...4096
  static let length = 1...(1 << 24)
  static let parameters = 1 << 40
}
