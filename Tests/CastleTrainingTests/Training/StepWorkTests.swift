import CastleAttention
import CastleModel
import CastleTraining
import Testing

struct StepWorkTests {
  @Test func productsCostSixOperationsPerNumberOfAMatrix() throws {
    let configuration = try ModelPreset("s-causal").configuration
    let work = StepWork(configuration, length: 10)
    let norms = (2 * 12 + 1) * 896
    #expect(work.matrixProducts == Double(6 * (configuration.parameterCount - norms) * 10))
  }

  @Test func anUntiedEmbeddingCostsNothing() throws {
    var configuration = try ModelPreset("10m-causal").configuration
    let tied = StepWork(configuration, length: 64)
    configuration.tiesEmbeddings = false
    #expect(StepWork(configuration, length: 64) == tied)
  }

  /// Equations, Work: 21 units against 7, and 11 outside the window, at 4/7 of the heads.
  @Test func attentionIsCountedInUnits() throws {
    func attention(_ preset: String, _ length: Int) throws -> Double {
      StepWork(try ModelPreset(preset).configuration, length: length).attention
    }
    let causal = try attention("10m-causal", 4096)
    #expect(abs(try attention("10m-castle", 4096) / causal - 21 * 4 / 49) < 1e-12)
    #expect(try attention("10m-castle-swl", 4096) < causal)
    #expect(try attention("10m-castle-swl", 100) == attention("10m-castle", 100))
  }
}
