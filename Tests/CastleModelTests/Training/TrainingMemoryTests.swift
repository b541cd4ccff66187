import CastleCluster
import CastleModel
import CastleOperations
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

  /// Of ranks that share tokens the last has the most: heads and tokens are dealt out to it last.
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanOfRanksIsWhatTheLastAllocates(preset: String, recomputes: Bool) throws {
    let sizes = try ThreadCommunicator.run(ranks: 2) { communicator in
      let model = try makeModel(preset, layers: 3) {
        $0.heads = HeadLayout(queryHeads: 6, kvHeads: 3, headSize: 8)
      }
      let pass = try TrainingPass(
        model, batch: 3, length: 101, recomputesActivations: recomputes, ranks: communicator)
      let planned = TrainingPass.byteCount(
        model.configuration, batch: 3, length: 101, recomputesActivations: recomputes,
        ranks: communicator.world)
      var buffers: [ObjectIdentifier: Int] = [:]
      collectBuffers(of: pass, into: &buffers)
      buffers[ObjectIdentifier(model.weights.buffer)] = nil
      return (planned: planned, allocated: buffers.values.reduce(0, +))
    }
    #expect(sizes[1].planned == sizes[1].allocated)
    #expect(sizes[0].planned >= sizes[0].allocated)
  }

  /// Where ranks have panels of keys, all of them plan the same.
  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func thePlanOfPanelsIsWhatIsAllocated(preset: String, recomputes: Bool) throws {
    let sizes = try ThreadCommunicator.run(ranks: 3) { communicator in
      let model = try makeModel(preset, layers: 3) {
        $0.heads = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 8)
      }
      let pass = try TrainingPass(
        model, batch: 3, length: 101, recomputesActivations: recomputes, ranks: communicator)
      let planned = TrainingPass.byteCount(
        model.configuration, batch: 3, length: 101, recomputesActivations: recomputes,
        ranks: communicator.world)
      var buffers: [ObjectIdentifier: Int] = [:]
      collectBuffers(of: pass, into: &buffers)
      buffers[ObjectIdentifier(model.weights.buffer)] = nil
      return (planned: planned, allocated: buffers.values.reduce(0, +))
    }
    for size in sizes { #expect(size.planned == size.allocated) }
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
