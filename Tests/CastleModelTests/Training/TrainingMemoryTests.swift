import CastleCluster
import CastleModel
import CastleOperations
import CastleTensors
import Testing

@Suite struct TrainingMemoryTests {
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanIsWhatIsAllocated(preset: String, recomputes: Bool) throws {
    let size = try memory(preset, recomputes: recomputes)
    #expect(size.allocated == size.planned)
  }

  /// Of ranks that share tokens the last has the most: heads and tokens are dealt out to it last.
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanOfRanksIsWhatTheLastAllocates(preset: String, recomputes: Bool) throws {
    let heads = HeadLayout(queryHeads: 6, kvHeads: 3, headSize: 8)
    let sizes = try ThreadCommunicator.run(ranks: 2) {
      try memory(preset, heads: heads, recomputes: recomputes, ranks: $0)
    }
    #expect(sizes[1].allocated == sizes[1].planned)
    #expect(sizes[0].allocated <= sizes[0].planned)
  }

  /// Where ranks have panels of keys, all of them plan the same.
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanOfPanelsIsWhatIsAllocated(preset: String, recomputes: Bool) throws {
    let heads = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 8)
    let sizes = try ThreadCommunicator.run(ranks: 3) {
      try memory(preset, heads: heads, recomputes: recomputes, ranks: $0)
    }
    for size in sizes { #expect(size.allocated == size.planned) }
  }

  /// The bytes that a pass of sequences of 101 tokens holds, and those that are planned.
  private func memory(
    _ preset: String, heads: HeadLayout? = nil, recomputes: Bool, ranks: any Communicator = SingleProcess()
  ) throws -> (planned: Int, allocated: Int) {
    let model = try makeModel(preset, layers: 3) { if let heads { $0.heads = heads } }
    let pass = try TrainingPass(
      model, batch: 3, length: 101, recomputesActivations: recomputes, ranks: ranks)
    let planned = TrainingPass.byteCount(
      model.configuration, batch: 3, length: 101, recomputesActivations: recomputes, ranks: ranks.world)
    var buffers: [ObjectIdentifier: Int] = [:]
    collectBuffers(of: pass, into: &buffers)
    buffers[ObjectIdentifier(model.weights.buffer)] = nil
    return (planned, buffers.values.reduce(0, +))
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
