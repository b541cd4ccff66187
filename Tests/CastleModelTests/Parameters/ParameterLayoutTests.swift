import CastleAttention
import CastleModel
import CastleOperations
import Testing

@Suite struct ParameterLayoutTests {
  @Test(arguments: ModelPreset.all.prefix(6), [true, false])
  func parametersFillTheArenaWithoutGaps(preset: ModelPreset, tied: Bool) {
    var configuration = preset.configuration
    configuration.tiesEmbeddings = tied
    let layout = ParameterLayout(configuration)
    var end = 0
    for entry in layout.entries {
      #expect(entry.offset == end)
      end = entry.range.upperBound
    }
    #expect(end == layout.parameterCount)
    #expect(layout.matrices.upperBound == layout.vectors.lowerBound)
    #expect(layout.vectors.upperBound == end)
    #expect(layout.entries.allSatisfy { (layout.matrices.contains($0.offset)) == $0.isMatrix })
    #expect((layout.entry(named: "lm_head.weight") == nil) == tied)
  }

  @Test func namesAreThoseOfTheEcosystem() throws {
    let castle = ParameterLayout(try ModelPreset("1m-castle").configuration)
    let causal = ParameterLayout(try ModelPreset("1m-causal").configuration)
    for name in ["qu", "ku", "vu", "qc", "kc", "vc"] {
      let entry = castle.entry(named: "model.layers.1.self_attn.\(name)_proj.weight")
      #expect(entry?.shape == [96, 168])
    }
    for name in ["q", "k", "v"] {
      #expect(causal.entry(named: "model.layers.0.self_attn.\(name)_proj.weight")?.shape == [168, 168])
    }
    #expect(causal.entry(named: "model.layers.0.self_attn.o_proj.weight")?.shape == [168, 168])
    #expect(causal.entry(named: "model.layers.0.mlp.down_proj.weight")?.shape == [168, 448])
    #expect(causal.entry(named: "model.layers.0.input_layernorm.weight")?.shape == [168])
    #expect(causal.entry(named: "model.norm.weight")?.isMatrix == false)
  }

  @Test func projectionsOfALayerAreAdjacent() throws {
    let layout = ParameterLayout(try ModelPreset("1m-castle").configuration)
    let names = layout.entries.map(\.name)
    let first = try #require(names.firstIndex(of: "model.layers.1.self_attn.qu_proj.weight"))
    let projections = ["qu", "ku", "vu", "qc", "kc", "vc", "o"]
    #expect(
      names[first..<first + 7].elementsEqual(projections.map { "model.layers.1.self_attn.\($0)_proj.weight" })
    )
    #expect(names[first + 7].hasSuffix("gate_proj.weight") && names[first + 8].hasSuffix("up_proj.weight"))
  }
}
