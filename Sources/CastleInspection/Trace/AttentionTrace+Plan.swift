import CastleAttention
import CastleFormats
package import CastleModel
import CastleOperations
import CastleSystem

extension AttentionTrace {
  /// What a trace will hold, checked before memory is taken.
  package struct Plan: Sendable {
    /// The layers that are traced.
    package let layers: Range<Int>
    /// The query heads of each layer that are traced.
    package let heads: Range<Int>

    private let configuration: ModelConfiguration
    private let tokenCount: Int

    /// Throws an `InputError` if `tokens` are too few, too many or not of the vocabulary, a layer or head
    /// does not exist, or the trace would have more bytes than `limits` say. It needs no weights.
    package init(
      _ configuration: ModelConfiguration, tokens: [Int32], heads: Heads, limits: Limits
    ) throws {
      guard !tokens.isEmpty else { throw InputError("no tokens are given, at least one is needed") }
      guard tokens.count <= limits.tokens else {
        throw InputError(
          "the text has \(tokens.count) tokens, more than the limit of \(limits.tokens); "
            + "choose a shorter text"
        )
      }
      try configuration.check(length: tokens.count)
      try configuration.check(tokens: tokens)
      func range(_ chosen: Int?, of count: Int, _ name: String) throws -> Range<Int> {
        guard let chosen else { return 0..<count }
        guard (0..<count).contains(chosen) else {
          throw InputError("the model has no \(name) \(chosen); choose one from 0 to \(count - 1)")
        }
        return chosen..<chosen + 1
      }
      layers = try range(heads.layer, of: configuration.layerCount, "layer")
      self.heads = try range(heads.head, of: configuration.heads.queryHeads, "head")
      self.configuration = configuration
      tokenCount = tokens.count
      guard jsonByteCount <= Double(limits.bytes) else {
        throw InputError(
          "a trace of \(NumberFormat.count(headCount, "head")) for \(tokens.count) tokens takes about "
            + "\(size(jsonByteCount)), more than \(NumberFormat.bytes(limits.bytes)); "
            + "choose one layer or one head, or a shorter text")
      }
    }

    /// Throws an `InputError` unless the memory for the trace is free.
    package func checkMemory() throws {
      guard let available = ProcessMemory.available, byteCount > Double(available) else { return }
      throw InputError(
        "a trace of \(NumberFormat.count(headCount, "head")) for \(tokenCount) tokens needs about "
          + "\(size(byteCount)) of memory, but only \(NumberFormat.bytes(available)) are free; "
          + "choose one layer or one head, or a shorter text")
    }

    private var headCount: Int { layers.count * heads.count }

    private var pairs: Double { Double(tokenCount) * Double(tokenCount + 1) / 2 }

    /// The matrices of a head that are kept.
    private var triangles: Double {
      (configuration.mechanism.usesCausalKeys ? 2 : 1) + (configuration.hasLookahead ? 3 : 0)
    }

    /// Two bytes an element, as four characters for three of them.
    private var jsonByteCount: Double { Double(headCount) * triangles * pairs * 8 / 3 }

    /// The trace, four dense matrices of the reference, the text that is made of it and a copy, and the
    /// forward pass.
    private var byteCount: Double {
      let kept =
        Double(headCount) * (triangles * pairs * 4 + Double(tokenCount * configuration.heads.headSize * 8))
      let dense = 4 * 8 * Double(tokenCount) * Double(tokenCount)
      let capture = LanguageModel.captureByteCount(configuration, tokenCount: tokenCount)
      return kept + dense + 3 * jsonByteCount + Double(capture)
    }

    private func size(_ count: Double) -> String { NumberFormat.bytes(Int(exactly: count.rounded()) ?? .max) }
  }
}
