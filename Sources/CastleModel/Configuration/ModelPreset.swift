import CastleAttention
import CastleFormats
import CastleOperations

/// A model of a known size, by name: `10m-castle`, `s-causal`, `xl-castle-swl`.
///
/// `s`, `m`, `l` and `xl` are the models of the paper (Equations, Published models). The small ones, for
/// CPUs, have 7 heads where the model is causal and 4 where it has lookahead keys, which makes their
/// parameter counts equal. Their sizes are multiples of 168: 7 heads divide them, as transformers asks of a
/// LLaMA model, and the MLP's 8/3 of them is a multiple of 64.
public struct ModelPreset: Sendable, Hashable {
  /// The name: the scale and the mechanism.
  public let name: String
  /// The model.
  public let configuration: ModelConfiguration

  /// Every preset, the smallest first.
  public static let all: [ModelPreset] = Scale.all.flatMap { scale in
    [Mechanism.causal, .castle, .slidingWindow(scale.window)].map { mechanism in
      ModelPreset(
        name: "\(scale.name)-\(mechanism.name)", configuration: scale.configuration(mechanism))
    }
  }

  /// The preset called `name`, in any case.
  ///
  /// - Throws: ``InputError`` that lists the names if there is none.
  public init(_ name: String) throws {
    guard let preset = Self.all.first(where: { $0.name == name.lowercased() }) else {
      let scales = Scale.all.map(\.name).joined(separator: ", ")
      throw InputError(
        "no preset is called \"\(name)\": a name is one of \(scales), followed by -causal, "
          + "-castle or -castle-swl"
      )
    }
    self = preset
  }

  private init(name: String, configuration: ModelConfiguration) {
    self.name = name
    self.configuration = configuration
  }
}

/// One row of the table of sizes.
private struct Scale {
  var name: String
  var layers: Int
  var hiddenSize: Int
  var headSize: Int
  var causalHeads: Int
  var castleHeads: Int
  var window: Int
  var vocabulary: Int
  var length: Int

  static let all = [
    small("1m", layers: 2, hiddenSize: 168, headSize: 24, vocabulary: 2048),
    small("3m", layers: 6, hiddenSize: 168, headSize: 32, vocabulary: 4096),
    small("10m", layers: 6, hiddenSize: 336, headSize: 64, vocabulary: 4096),
    small("30m", layers: 9, hiddenSize: 504, headSize: 64, vocabulary: 8192),
    published("s", layers: 12, hiddenSize: 896, headSize: 64, causalHeads: 14, castleHeads: 8, window: 128),
    published("m", layers: 24, hiddenSize: 1024, headSize: 64, causalHeads: 16, castleHeads: 9, window: 512),
    published("l", layers: 24, hiddenSize: 1536, headSize: 96, causalHeads: 16, castleHeads: 9, window: 512),
    published(
      "xl", layers: 24, hiddenSize: 2048, headSize: 128, causalHeads: 16, castleHeads: 9, window: 512),
  ]

  private static func small(
    _ name: String, layers: Int, hiddenSize: Int, headSize: Int, vocabulary: Int
  ) -> Scale {
    Scale(
      name: name, layers: layers, hiddenSize: hiddenSize, headSize: headSize, causalHeads: 7, castleHeads: 4,
      window: 128, vocabulary: vocabulary, length: 1024)
  }

  private static func published(
    _ name: String, layers: Int, hiddenSize: Int, headSize: Int, causalHeads: Int, castleHeads: Int,
    window: Int
  ) -> Scale {
    Scale(
      name: name, layers: layers, hiddenSize: hiddenSize, headSize: headSize, causalHeads: causalHeads,
      castleHeads: castleHeads, window: window, vocabulary: 50_257, length: 2048)
  }

  func configuration(_ mechanism: Mechanism) -> ModelConfiguration {
    let heads = mechanism.hasLookahead ? castleHeads : causalHeads
    var configuration = ModelConfiguration(
      vocabularySize: vocabulary, layerCount: layers, hiddenSize: hiddenSize,
      intermediateSize: 8 * hiddenSize / 3,
      heads: HeadLayout(queryHeads: heads, kvHeads: heads, headSize: headSize), mechanism: mechanism)
    configuration.maximumLength = length
    return configuration
  }
}
