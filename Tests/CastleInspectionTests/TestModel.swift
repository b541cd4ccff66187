import CastleAttention
import CastleInspection
import CastleModel
import CastleOperations
import CastleTensors
import CastleTokenizer

/// A small model with random weights, of whose vocabulary every token is a byte.
struct TestModel {
  let model: LanguageModel
  let tokenizer: Tokenizer

  /// A model of two layers; `change` may make another of it.
  init(_ change: (inout ModelConfiguration) -> Void = { _ in }) throws {
    var configuration = ModelConfiguration(
      vocabularySize: 256, layerCount: 2, hiddenSize: 40, intermediateSize: 24,
      heads: HeadLayout(queryHeads: 4, kvHeads: 4, headSize: 10), mechanism: .castle)
    change(&configuration)
    let model = try LanguageModel(configuration, backend: CPUBackend(threads: 2), seed: 3)
    // Those of a new model are so small that every gate is half open and every map is flat. Norms stay 1.
    var weights = [Float](repeating: 0, count: model.weights.count)
    weights.withUnsafeMutableBufferPointer { model.backend.download(model.weights, to: $0) }
    weights = weights.map { $0 == 1 ? 1 : 12 * $0 }
    weights.withUnsafeBufferPointer { model.backend.upload($0, to: model.weights) }
    self.model = model
    tokenizer = try Tokenizer(vocabulary: (0..<256).map { [UInt8($0)] }, merges: [], addedTokens: [])
  }

  func trace(_ text: String, heads: AttentionTrace.Heads = .all) throws -> AttentionTrace {
    try AttentionTrace(of: text, model: model, tokenizer: tokenizer, name: "test", heads: heads)
  }

  /// The mechanisms and layouts that a trace must show rightly.
  static let kinds: [String: @Sendable (inout ModelConfiguration) -> Void] = [
    "causal": { $0.mechanism = .causal },
    "castle": { _ in },
    "castle-swl": { $0.mechanism = .slidingWindow(5) },
    "without SiLU": { $0.mechanism = Mechanism(window: .unlimited, appliesSiLU: false) },
    "without causal keys": { $0.mechanism = Mechanism(window: .unlimited, usesCausalKeys: false) },
    "grouped": { $0.heads = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 10) },
    "grouped causal": {
      $0.mechanism = .causal
      $0.heads = HeadLayout(queryHeads: 4, kvHeads: 1, headSize: 10)
    },
    "unrotated values": { $0.rotatesLookaheadValues = false },
  ]
}

/// A text of 37 tokens.
let text = "the dog took a bone, the man took it."
