import CastleExperiments
import CastleMeasurement
import CastleOperations
import Testing

struct LookaheadRecallTests {
  /// A smaller task than that of the experiment, which takes longer.
  @Test func oneLayerOfCastleLearnsWhatOrdinaryAttentionDoesNot() throws {
    var probe = LookaheadRecall(seed: 1)
    probe.pairs = 3
    probe.items = 6
    probe.steps = 300
    var calls: [String] = []
    let folder = try TemporaryFolder()
    let results = try probe.run(in: folder.path, backend: CPUBackend(threads: 1)) { mechanism, _, _ in
      calls.append(mechanism)
    }
    #expect(results.map(\.mechanism) == ["causal", "castle"])
    #expect(results[0].parameterCount == results[1].parameterCount)
    #expect(calls.count == 600)
    #expect(results[0].accuracy < 0.5)
    #expect(results[1].accuracy > 0.9)
    #expect(results[1].history.map(\.step) == [250, 300])
  }
}
