import CastleModel
import CastleTensors
import Testing

@Suite struct TrainingMemoryTests {
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanIsWhatIsAllocated(preset: String, recomputes: Bool) throws {
    let model = try makeModel(preset, layers: 3)
    let pass = try TrainingPass(model, batch: 3, length: 100, recomputesActivations: recomputes)
    let planned = TrainingPass.byteCount(
      model.configuration, batch: 3, length: 100, recomputesActivations: recomputes)
    var buffers: [ObjectIdentifier: Int] = [:]
    collectBuffers(of: pass, into: &buffers)
    buffers[ObjectIdentifier(model.weights.buffer)] = nil
    #expect(buffers.values.reduce(0, +) == planned)
  }

  /// The size of every buffer that `value` holds, however deep.
  private func collectBuffers(of value: Any, into buffers: inout [ObjectIdentifier: Int]) {
    if let buffer = value as? Buffer {
      buffers[ObjectIdentifier(buffer)] = buffer.byteCount
    } else if !(value is LanguageModel) {
      for child in Mirror(reflecting: value).children where child.label != "backend" {
        collectBuffers(of: child.value, into: &buffers)
      }
    }
  }
}
