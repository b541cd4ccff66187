import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import Testing

@Suite struct ModelPresetTests {
  /// The parameter counts of the paper's models (Equations, Published models).
  @Test(arguments: [
    ("s-causal", 160_647_424), ("s-castle", 160_647_424), ("s-castle-swl", 160_647_424),
    ("m-causal", 353_454_080), ("m-castle", 351_881_216), ("m-castle-swl", 351_881_216),
    ("l-causal", 756_747_264), ("l-castle", 753_208_320), ("l-castle-swl", 753_208_320),
    ("xl-causal", 1_310_937_088), ("xl-castle", 1_304_645_632), ("xl-castle-swl", 1_304_645_632),
  ])
  func publishedParameterCounts(name: String, count: Int) throws {
    #expect(try ModelPreset(name).configuration.parameterCount == count)
  }

  @Test(arguments: [("1m", 1_000_000), ("3m", 3_000_000), ("10m", 10_000_000), ("30m", 30_000_000)])
  func smallPresetsHaveEqualCountsAcrossMechanisms(scale: String, about: Int) throws {
    let counts = try ["causal", "castle", "castle-swl"].map {
      try ModelPreset("\(scale)-\($0)").configuration.parameterCount
    }
    #expect(Set(counts).count == 1)
    #expect(abs(counts[0] - about) <= about / 8, "\(counts[0])")
  }

  /// What transformers asks of a LLaMA model, and what makes the MLP's products even.
  @Test(arguments: ModelPreset.all)
  func sizesDivide(preset: ModelPreset) {
    let configuration = preset.configuration
    if !configuration.mechanism.hasLookahead {
      #expect(configuration.hiddenSize.isMultiple(of: configuration.heads.queryHeads))
    }
    #expect(configuration.intermediateSize == 8 * configuration.hiddenSize / 3)
    if configuration.parameterCount < 100_000_000 {
      #expect(configuration.intermediateSize.isMultiple(of: 64))
    }
  }

  @Test(arguments: ModelPreset.all)
  func presetsAreValid(preset: ModelPreset) throws {
    try preset.configuration.validate()
    #expect(try ModelPreset(preset.name.uppercased()) == preset)
  }

  @Test func unknownNamesAreRefusedWithTheChoices() {
    let error = #expect(throws: InputError.self) { try ModelPreset("7b-castle") }
    #expect(error?.description.contains("10m") == true)
    #expect(error?.description.contains("\"7b-castle\"") == true)
  }
}
