import CastleModel
import CastleOperations
import CastleTensors
import Testing

@Suite struct TrainingMemoryTests {
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanIsWhatIsAllocated(preset: String, recomputes: Bool) throws {
    let backend = CPUBackend(threads: 1)
    let configuration = try ModelPreset(preset).configuration
    let model = try LanguageModel(configuration, backend: backend, seed: 1)
    let before = backend.allocatedByteCount
    let pass = try TrainingPass(model, batch: 3, length: 100, recomputesActivations: recomputes)
    let planned = TrainingPass.byteCount(
      configuration, batch: 3, length: 100, recomputesActivations: recomputes)
    #expect(backend.allocatedByteCount - before == planned)
    #expect(pass.tokenCapacity == 300)
  }
}
