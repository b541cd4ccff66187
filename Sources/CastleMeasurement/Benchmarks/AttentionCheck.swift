package import CastleAttention
import CastleFormats
package import CastleTensors

/// Compares blocked attention and its cache with the dense reference before they are timed.
package struct AttentionCheck {
  package let mechanism: Mechanism
  package let length: Int
  package let headSize: Int
  package let pool: ThreadPool

  /// Longer sequences are checked on their beginning: the dense reference takes O(L³) time.
  package static let longest = 1_025

  /// Bundles the parts.
  package init(mechanism: Mechanism, length: Int, headSize: Int, pool: ThreadPool) {
    self.mechanism = mechanism
    self.length = length
    self.headSize = headSize
    self.pool = pool
  }

  /// Throws if a result is more than twice as far from the truth as the same formula in single precision.
  package func run() throws {
    let length = min(length, Self.longest)
    let fast = RandomAttention<Float>(heads: 1, length: length, headSize: headSize)
    let naive = RandomAttention<Float>(heads: 1, length: length, headSize: headSize)
    let exact = RandomAttention<Double>(heads: 1, length: length, headSize: headSize)
    let documents = Documents(length: length)
    let attention = BlockedAttention(mechanism: mechanism, pool: pool)
    attention.forward(fast.projections, documents: documents, results: fast.results)
    attention.backward(
      fast.dOutput.view, fast.projections, documents: documents, results: fast.results,
      gradients: fast.gradients)
    reference(naive, documents)
    reference(exact, documents)
    try compare(fast, naive, exact)

    let cached = RandomAttention<Float>(heads: 1, length: length, headSize: headSize)
    let cache = LookaheadCache(
      mechanism: mechanism, queryHeads: 1, kvHeads: 1, headSize: headSize, capacity: length, pool: pool)
    cache.append(
      cached.projections, output: cached.results.output, logSumExp: cached.results.logSumExp)
    try compare("cached o", cached.output, naive.output, exact.output)
  }

  private func reference(_ problem: RandomAttention<Float>, _ documents: Documents) {
    ReferenceAttention.parallel(
      problem.projections, mechanism: mechanism, documents: documents, results: problem.results)
    ReferenceAttention.parallelBackward(
      problem.dOutput.view, problem.projections, mechanism: mechanism, documents: documents,
      gradients: problem.gradients)
  }

  private func reference(_ problem: RandomAttention<Double>, _ documents: Documents) {
    ReferenceAttention.parallel(
      problem.projections, mechanism: mechanism, documents: documents, results: problem.results)
    ReferenceAttention.parallelBackward(
      problem.dOutput.view, problem.projections, mechanism: mechanism, documents: documents,
      gradients: problem.gradients)
  }

  private func compare(
    _ fast: RandomAttention<Float>, _ naive: RandomAttention<Float>, _ exact: RandomAttention<Double>
  ) throws {
    try compare("o", fast.output, naive.output, exact.output)
    try compare("lse", fast.logSumExp, naive.logSumExp, exact.logSumExp)
    // A gradient may be zero, as with a single token: errors are relative to the largest of all gradients.
    let size = exact.gradientTensors.values.reduce(0) { max($0, Self.largest($1)) }
    for (name, tensor) in fast.gradientTensors where mechanism.hasLookahead || !name.hasSuffix("u") {
      guard let near = naive.gradientTensors[name], let truth = exact.gradientTensors[name] else { continue }
      try compare("d\(name)", tensor, near, truth, size: size)
    }
  }

  private func compare(
    _ name: String, _ fast: HeadTensor<Float>, _ naive: HeadTensor<Float>, _ exact: HeadTensor<Double>,
    size: Double? = nil
  ) throws {
    let size = max(size ?? Self.largest(exact), 1e-30)
    func error(_ tensor: HeadTensor<Float>) -> Double {
      zip(tensor.elements, exact.elements).reduce(0) { worst, pair in
        let difference = abs(Double(pair.0) - pair.1) / size
        return difference.isNaN ? .infinity : max(worst, difference)
      }
    }
    let (found, budget) = (error(fast), 2 * error(naive) + 4 * Double(Float.ulpOfOne))
    guard found <= budget else {
      throw InputError(
        "\(name) of this attention is wrong: relative error \(found), allowed \(budget); it is not timed")
    }
  }

  private static func largest(_ tensor: HeadTensor<Double>) -> Double {
    tensor.elements.reduce(0) { max($0, abs($1)) }
  }
}
