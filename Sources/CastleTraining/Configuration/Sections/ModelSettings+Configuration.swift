import CastleAttention
import CastleFormats
public import CastleModel
import CastleOperations
import Foundation

extension ModelSettings {
  /// The model that these settings describe, for sequences of `length` tokens from a tokenizer of
  /// `tokenizerSize` tokens.
  ///
  /// - Throws: ``InputError`` if a value does not fit the others, or would change the model of ``initial`` or
  ///   that of ``fromCausal`` in more than lookahead keys.
  public func configuration(
    vocabularySize tokenizerSize: Int, endOfText: Int32?, length: Int
  ) throws -> ModelConfiguration {
    let base = try base()
    let start = startingFolder
    var result = base
    try apply(to: &result)
    result.vocabularySize = vocabularySize ?? (start == nil ? tokenizerSize : base.vocabularySize)
    if let start {
      try checkUnchanged(result, from: base, folder: start)
      guard length <= base.maximumLength else {
        throw InputError(
          subject: "training.sequence-length",
          problem:
            "is \(length), more than the \(base.maximumLength) tokens that the model in \(start) reads")
      }
    }
    guard start != nil || result.vocabularySize >= tokenizerSize else {
      throw InputError(
        subject: "model.vocabulary-size",
        problem: "is \(result.vocabularySize), fewer than the \(tokenizerSize) tokens of the tokenizer")
    }
    if start == nil {
      result.maximumLength = maximumLength ?? max(length, Self.leastMaximumLength)
      guard result.maximumLength >= length else {
        throw InputError(
          subject: "model.maximum-length",
          problem: "is \(result.maximumLength), fewer than the \(length) tokens of a training sequence")
      }
      result.endOfTextIDs = endOfText.map { [Int($0)] } ?? []
      result.beginOfTextID = endOfText.map { Int($0) }
    }
    result.trainingLength = length
    guard result.mechanism.hasLookahead || result.mechanism.usesCausalKeys else {
      throw InputError(
        subject: "model.causal-keys", problem: "is false without lookahead keys",
        remedy: "choose a preset with lookahead keys")
    }
    guard !result.shiftsKeysAndValues || !result.mechanism.hasLookahead else {
      throw InputError(
        subject: "model.key-value-shift",
        problem: "is true with lookahead keys, only causal attention has it",
        remedy: "choose a causal preset")
    }
    do {
      try result.validate()
    } catch let error as InputError {
      throw error.replacingTerms { term in
        if case .key(let key) = term { .key(Self.keys[key] ?? key) } else { term }
      }
    }
    return result
  }

  /// What keys of a `config.json` are called here.
  private static let keys = [
    "num_key_value_heads": "model.kv-heads", "num_attention_heads": "model.heads",
    "num_hidden_layers": "model.layers", "head_dim": "model.head-size", "hidden_size": "model.hidden-size",
    "intermediate_size": "model.intermediate-size", "vocab_size": "model.vocabulary-size",
    "max_position_embeddings": "training.sequence-length", "training_length": "training.sequence-length",
  ]

  private static let leastMaximumLength = 1024

  /// The folder whose weights training starts from, if there is one.
  package var startingFolder: String? { initial ?? fromCausal }

  /// What the other keys change.
  private func base() throws -> ModelConfiguration {
    guard let fromCausal else { return try initial.map(Self.read) ?? ModelPreset(preset).configuration }
    guard initial == nil else {
      throw InputError(
        subject: "model.from-causal", problem: "and model.initial both name a model to start from",
        remedy: "leave out one of the two")
    }
    var result = try Self.read(folder: fromCausal)
    guard !result.mechanism.hasLookahead else {
      throw InputError(
        subject: "model.from-causal", problem: "is \(fromCausal), whose model has lookahead keys already",
        remedy: "train it further with model.initial")
    }
    result.mechanism = try ModelPreset(preset).configuration.mechanism
    guard result.mechanism.hasLookahead, window != 0 else {
      throw InputError(
        subject: result.mechanism.hasLookahead ? "model.window" : "model.preset",
        problem:
          "is \(window.map(String.init) ?? preset), which leaves no lookahead keys to add to a causal model",
        remedy: "choose a preset that ends in -castle or -castle-swl; only its lookahead keys count")
    }
    // Without a sliding window, Mistral's is LLaMA's architecture.
    if result.family == .mistral, result.slidingWindow == nil { result.family = .llama }
    do {
      try result.validate()
    } catch let error as InputError {
      throw InputError(subject: "model.from-causal", problem: "cannot be \(fromCausal): \(error)")
    }
    return result
  }

  /// A model that is read is trained as it is; one that gets lookahead keys has those that the keys say.
  private func checkUnchanged(
    _ model: ModelConfiguration, from base: ModelConfiguration, folder: String
  ) throws {
    let free: Set<String> = initial == nil ? ["window", "silu", "rotary-lookahead-values"] : []
    let values: [(key: String, of: (ModelConfiguration) -> AnyHashable)] = [
      ("layers", { $0.layerCount }), ("hidden-size", { $0.hiddenSize }),
      ("intermediate-size", { $0.intermediateSize }),
      ("heads", { $0.heads.queryHeads }), ("kv-heads", { $0.heads.kvHeads }),
      ("head-size", { $0.heads.headSize }), ("window", { $0.mechanism.window }),
      ("vocabulary-size", { $0.vocabularySize }), ("tied-embeddings", { $0.tiesEmbeddings }),
      ("silu", { $0.mechanism.appliesSiLU }), ("causal-keys", { $0.mechanism.usesCausalKeys }),
      ("rotary-lookahead-values", { $0.rotatesLookaheadValues }),
      ("maximum-length", { $0.maximumLength }),
      ("key-value-shift", { $0.shiftsKeysAndValues }),
    ]
    let changed = values.first { !free.contains($0.key) && $0.of(model) != $0.of(base) }
    guard let changed else { return }
    let setting = initial == nil ? "model.from-causal" : "model.initial"
    throw InputError(
      subject: "model.\(changed.key)",
      problem: "would change the model in \(folder) (\(setting)), which is trained as it is",
      remedy: "leave out one of the two")
  }

  private static func read(folder: String) throws -> ModelConfiguration {
    try ModelConfiguration(folder: folder)
  }

  private func apply(to result: inout ModelConfiguration) throws {
    if let layers { result.layerCount = layers }
    if let hiddenSize {
      result.hiddenSize = hiddenSize
      result.intermediateSize = intermediateSize ?? 8 * hiddenSize / 3
    } else if let intermediateSize {
      result.intermediateSize = intermediateSize
    }
    let queryHeads = heads ?? result.heads.queryHeads
    let keys = kvHeads ?? (heads == nil ? result.heads.kvHeads : queryHeads)
    guard queryHeads % keys == 0 else {
      throw InputError(
        subject: "model.kv-heads",
        problem: "is \(keys), which does not divide model.heads, which is \(queryHeads)")
    }
    result.heads = HeadLayout(
      queryHeads: queryHeads, kvHeads: keys, headSize: headSize ?? result.heads.headSize)
    if let window { result.mechanism.window = .tokens(window) }
    if let appliesSiLU { result.mechanism.appliesSiLU = appliesSiLU }
    if let usesCausalKeys { result.mechanism.usesCausalKeys = usesCausalKeys }
    if let tiesEmbeddings { result.tiesEmbeddings = tiesEmbeddings }
    if let rotatesLookaheadValues { result.rotatesLookaheadValues = rotatesLookaheadValues }
    if let maximumLength { result.maximumLength = maximumLength }
    if let shiftsKeysAndValues { result.shiftsKeysAndValues = shiftsKeysAndValues }
  }
}
