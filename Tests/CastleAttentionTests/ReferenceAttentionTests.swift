import CastleAttention
import CastleMeasurement
import Testing

/// The reference forms against each other and against finite differences, in double precision.
struct ReferenceAttentionTests {
  @Test(
    "all six gradients are derivatives", arguments: BlockedAttentionTests.mechanisms + [.slidingWindow(2)])
  func finiteDifferences(mechanism: Mechanism) {
    let problem = AttentionProblem<Double>(
      .init(queryHeads: 4, kvHeads: 2, length: 7, headSize: 3, documents: [2, 5]), seed: 1)
    problem.computeReference(mechanism)
    let upstream = problem.dOutput.values
    func loss() -> Double {
      ReferenceAttention.parallel(
        problem.projections, mechanism: mechanism, documents: problem.documents, results: problem.results)
      return zip(problem.results.output.values, upstream).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let step = 1e-5
    for ((name, input), (_, gradient)) in zip(problem.projections.named, problem.gradients.named)
    where mechanism.hasLookahead || !name.hasSuffix("u") {
      var gradients = gradient.values.makeIterator()
      input.forEach { place in
        let value = place.pointee
        place.pointee = value + step
        let above = loss()
        place.pointee = value - step
        let difference = (above - loss()) / (2 * step)
        place.pointee = value
        let derivative = gradients.next() ?? .nan
        #expect(abs(derivative - difference) <= 1e-8 * max(1, abs(difference)), "d\(name), \(mechanism)")
      }
    }
  }

  @Test(
    "the recurrent and the parallel form agree", arguments: BlockedAttentionTests.mechanisms,
    [1, 7, TestEffort.choose(65, small: 20)])
  func formsAgree(mechanism: Mechanism, length: Int) {
    let sizes = AttentionProblem<Double>.Sizes(
      batch: 2, queryHeads: 4, kvHeads: 2, length: length, headSize: 5,
      documents: length > 2 ? [2, length - 2] : nil, isInterleaved: true)
    let (parallel, recurrent) = (AttentionProblem(sizes, seed: 2), AttentionProblem(sizes, seed: 2))
    ReferenceAttention.parallel(
      parallel.projections, mechanism: mechanism, documents: parallel.documents, results: parallel.results)
    ReferenceAttention.recurrent(
      recurrent.projections, mechanism: mechanism, documents: recurrent.documents, results: recurrent.results)
    for (x, y) in zip(parallel.computed(mechanism), recurrent.computed(mechanism))
    where !x.name.hasPrefix("d") {
      let size = x.values.reduce(1) { max($0, abs($1)) }
      #expect(zip(x.values, y.values).allSatisfy { abs($0 - $1) <= 1e-12 * size }, "\(x.name)")
    }
  }
}
