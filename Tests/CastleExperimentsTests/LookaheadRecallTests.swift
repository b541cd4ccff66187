import CastleExperiments
import CastleOperations
import CastleTensors
import CastleTraining
import Testing

struct LookaheadRecallTests {
  @Test func theAnswerIsTheItemWithTheLabel() {
    let task = RecallTask()
    var source = RandomSource(seed: 3)
    var answers: Set<Int32> = []
    for _ in 0..<200 {
      let (tokens, answer) = task.sequence(&source)
      #expect(tokens.count == task.length)
      let items = stride(from: 0, to: 2 * task.pairCount, by: 2).map { tokens[$0] }
      let labels = stride(from: 1, to: 2 * task.pairCount, by: 2).map { tokens[$0] }
      #expect(Set(items).count == task.pairCount && items.allSatisfy { (0..<32).contains($0) })
      #expect(Set(labels).count == task.pairCount && labels.allSatisfy { (32..<40).contains($0) })
      #expect(labels.firstIndex(of: tokens[task.length - 1]).map { items[$0] } == answer)
      answers.insert(answer)
    }
    #expect(answers.count > 25)
  }

  /// A smaller task than that of the experiment, which takes longer.
  @Test func oneLayerOfCastleLearnsWhatOrdinaryAttentionDoesNot() throws {
    var probe = LookaheadRecall(seed: 1)
    probe.task.pairCount = 3
    probe.task.itemCount = 6
    probe.task.labelCount = 3
    probe.steps = 300
    var calls: [String] = []
    let results = try probe.run(backend: CPUBackend(threads: 1)) { mechanism, _, _ in calls.append(mechanism)
    }
    #expect(results.map(\.mechanism) == ["causal", "castle"])
    #expect(results[0].parameterCount == results[1].parameterCount)
    #expect(calls.count == 600)
    #expect(results[0].accuracy < 0.5)
    #expect(results[1].accuracy > 0.9)
    #expect(results[1].history.last?.step == 300)
  }
}
