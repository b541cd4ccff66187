import CastleAttention
import CastleFormats
import CastleOperations

/// `config.json`: the keys of Hugging Face's LLaMA, Mistral and Qwen, `training_length`, for lookahead keys
/// `attention_type`, `lookahead_window`, `lookahead_silu`, `causal_keys` and `rope_lookahead_values`, and for
/// the shift of keys and values `key_value_shift`.
extension ModelConfiguration {
  /// Reads a `config.json`. A key that is absent has the value that it has in Hugging Face's class for the
  /// `model_type`, such as `LlamaConfig`.
  ///
  /// - Throws: ``InputError`` that names the key, its value and what would be right; `source` names the file
  ///   in it.
  public init(json bytes: some Sequence<UInt8>, source: String = "config.json") throws {
    let members = try Array(bytes).withUnsafeBytes {
      try JSONValue.object($0, source: source, readsPythonNumbers: true)
    }
    let object = ConfigurationObject(members: members)
    do {
      try self.init(object)
      try validate()
    } catch let error as InputError {
      throw error.within("\(source)")
    }
  }

  private init(_ object: ConfigurationObject) throws {
    let family = try Self.family(object)
    try Self.refuseUnimplemented(object, family: family)
    let limits = ModelLimits.self
    let hiddenSize = try object.integer("hidden_size")
    try Self.check("hidden_size", hiddenSize, within: limits.width)
    self.init(
      vocabularySize: try object.integer("vocab_size"),
      layerCount: try object.integer("num_hidden_layers"),
      hiddenSize: hiddenSize,
      intermediateSize: try object.integer("intermediate_size"),
      heads: try Self.heads(object, family: family, hiddenSize: hiddenSize),
      mechanism: try Self.mechanism(object))
    self.family = family
    // Qwen2 has biases of q, k and v whatever the key says.
    hasAttentionBias = try family != .qwen2 && object.bool("attention_bias", default: false)
    hasMLPBias = try object.bool("mlp_bias", default: false)
    slidingWindow = try Self.slidingWindow(object, family: family, layerCount: layerCount)
    maximumLength = try object.integer("max_position_embeddings", default: family.absentLength)
    (rotaryTheta, rotaryScaling) = try RotaryScaling.read(object, maximumLength: maximumLength)
    rotatesLookaheadValues = try object.bool("rope_lookahead_values", default: true)
    shiftsKeysAndValues = try object.bool("key_value_shift", default: false)
    normEpsilon = try object.number("rms_norm_eps", default: 1e-6)
    tiesEmbeddings = try object.bool("tie_word_embeddings", default: false)
    trainingLength = try object.integer(ifPresent: "training_length")
    quantization = try Self.quantization(object)
    beginOfTextID = try object.integer(ifPresent: "bos_token_id")
    endOfTextIDs = try object.integers("eos_token_id")
    // Published models write -1 where they have none.
    paddingID = try object.integer(ifPresent: "pad_token_id").flatMap { $0 == -1 ? nil : $0 }
  }

  private static func family(_ object: ConfigurationObject) throws -> ModelFamily {
    let type = try object.string("model_type", default: "llama")
    if type == "castle" { return .llama }
    guard let family = ModelFamily(rawValue: type) else {
      let known = ModelFamily.allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError("model_type is \"\(type)\"; \(known) and castle are implemented")
    }
    return family
  }

  private static func refuseUnimplemented(_ object: ConfigurationObject, family: ModelFamily) throws {
    try object.require("hidden_act", .string("silu"))
    if family == .mistral { try object.require("attention_bias", .bool(false)) }
    if family != .llama { try object.require("mlp_bias", .bool(false)) }
    if family == .llama { try object.require("sliding_window", .null) }
    for key in ["partial_rotary_factor"] where try object.number(key, default: 1) != 1 {
      throw InputError("\(key) is \(try object.number(key, default: 1)), only 1 is implemented")
    }
  }

  /// The format of a folder that ``QuantizedFolder`` wrote.
  private static func quantization(_ object: ConfigurationObject) throws -> WeightFormat? {
    guard let settings = try object.object(ifPresent: "quantization_config") else { return nil }
    let method = try settings.string("quant_method", default: "")
    guard method == Self.quantizationMethod else {
      throw InputError(
        "quantization_config has the quant_method \"\(method)\", only \"\(Self.quantizationMethod)\" is"
          + " implemented; take the folder that was quantised")
    }
    let name = try settings.string("format", default: "")
    guard let format = WeightFormat(rawValue: name), format.isQuantized else {
      throw InputError("quantization_config has the format \"\(name)\", it must be int8 or int4")
    }
    let size = try settings.integer("group_size")
    guard size == WeightFormat.groupInputs else {
      throw InputError(
        "quantization_config has the group_size \(size), only \(WeightFormat.groupInputs) is implemented")
    }
    return format
  }

  /// The `quant_method` of our own folders.
  private static let quantizationMethod = "castle"

  private static func heads(
    _ object: ConfigurationObject, family: ModelFamily, hiddenSize: Int
  ) throws -> HeadLayout {
    let queryHeads = try object.integer("num_attention_heads")
    try check("num_attention_heads", queryHeads, within: ModelLimits.heads)
    let absent = object.members["num_key_value_heads"] == nil ? family.absentKVHeads : nil
    let kvHeads = try object.integer("num_key_value_heads", default: absent ?? queryHeads)
    try check("num_key_value_heads", kvHeads, within: 1...queryHeads)
    guard queryHeads.isMultiple(of: kvHeads) else {
      throw InputError(
        "num_key_value_heads is \(kvHeads), it must divide num_attention_heads, \(queryHeads)")
    }
    var headSize = try object.integer(ifPresent: "head_dim")
    if family == .qwen3, object.members["head_dim"] == nil { headSize = 128 }
    if headSize == nil {
      guard hiddenSize.isMultiple(of: queryHeads) else {
        throw InputError(
          "num_attention_heads is \(queryHeads), which does not divide hidden_size, \(hiddenSize): "
            + "give head_dim"
        )
      }
      headSize = hiddenSize / queryHeads
    }
    try check("head_dim", headSize ?? 0, within: ModelLimits.headSize)
    return HeadLayout(queryHeads: queryHeads, kvHeads: kvHeads, headSize: headSize ?? 0)
  }

  private static func mechanism(_ object: ConfigurationObject) throws -> Mechanism {
    let type = try object.string("attention_type", default: Mechanism.Kind.causal.rawValue)
    guard let kind = Mechanism.Kind(rawValue: type) else {
      throw InputError("attention_type is \"\(type)\", it must be causal, castle or castle-swl")
    }
    let window = kind == .castleSWL ? try object.integer("lookahead_window") : 0
    guard window >= 0 else {
      throw InputError("lookahead_window is \(window), it must be a number of tokens, 0 or more")
    }
    var mechanism = Mechanism(kind, window: window)
    mechanism.appliesSiLU = try object.bool("lookahead_silu", default: true)
    mechanism.usesCausalKeys = try object.bool("causal_keys", default: true)
    return mechanism
  }
}

extension ModelConfiguration {
  /// The text of a `config.json`. A causal model is one of its ``family``, such as a `LlamaForCausalLM`; a
  /// model with lookahead keys has the `model_type` "castle".
  public var json: [UInt8] {
    var members: JSONValue.Members = [
      "architectures": .list([.string(needsOwnCode ? "CastleForCausalLM" : family.architecture)]),
      "model_type": .string(needsOwnCode ? "castle" : family.rawValue),
      "vocab_size": .integer(vocabularySize),
      "num_hidden_layers": .integer(layerCount),
      "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize),
      "num_attention_heads": .integer(heads.queryHeads),
      "num_key_value_heads": .integer(heads.kvHeads),
      "head_dim": .integer(heads.headSize),
      "rope_theta": .number(rotaryTheta),
      "rms_norm_eps": .number(normEpsilon),
      "tie_word_embeddings": .bool(tiesEmbeddings),
      "max_position_embeddings": .integer(maximumLength),
      "hidden_act": .string("silu"),
      "attention_dropout": .number(0),
      "initializer_range": .number(InitialWeights.deviation),
      "torch_dtype": .string("float32"),
      "use_cache": .bool(true),
      "attention_type": .string(mechanism.name),
    ]
    if needsOwnCode {
      members["auto_map"] = .object([
        "AutoConfig": .string("configuration_castle.CastleConfig"),
        "AutoModelForCausalLM": .string("modeling_castle.CastleForCausalLM"),
      ])
    }
    if shiftsKeysAndValues { members["key_value_shift"] = .bool(true) }
    if mechanism.hasLookahead {
      members["rope_lookahead_values"] = .bool(rotatesLookaheadValues)
      if case .tokens(let window) = mechanism.window { members["lookahead_window"] = .integer(window) }
      if !mechanism.appliesSiLU { members["lookahead_silu"] = .bool(false) }
      if !mechanism.usesCausalKeys { members["causal_keys"] = .bool(false) }
    }
    if family == .llama || family == .qwen3 { members["attention_bias"] = .bool(hasAttentionBias) }
    if family == .llama { members["mlp_bias"] = .bool(hasMLPBias) }
    if let quantization {
      members["quantization_config"] = .object([
        "quant_method": .string(Self.quantizationMethod), "format": .string(quantization.rawValue),
        "group_size": .integer(WeightFormat.groupInputs),
      ])
    }
    members["rope_scaling"] = rotaryScaling.json
    members = members + windowMembers
    if let trainingLength { members["training_length"] = .integer(trainingLength) }
    return Array(JSONValue.object(members + tokenIDs).indentedText.utf8)
  }

  /// The text of a `generation_config.json`: which ids start and end a text.
  public var generationJSON: [UInt8] {
    var members = JSONValue.Members(tokenIDs.filter { $0.value != .null })
    members["_from_model_config"] = .bool(true)
    return Array(JSONValue.object(members).indentedText.utf8)
  }

  private var tokenIDs: JSONValue.Members {
    func value(_ id: Int?) -> JSONValue { id.map { .integer($0) } ?? .null }
    let ends: JSONValue =
      endOfTextIDs.count > 1 ? .list(endOfTextIDs.map { .integer($0) }) : value(endOfTextIDs.first)
    return ["bos_token_id": value(beginOfTextID), "eos_token_id": ends, "pad_token_id": value(paddingID)]
  }
}
