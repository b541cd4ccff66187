public import CastleAttention
import CastleFormats
public import CastleTensors

/// Compares blocked attention and its cache with the dense reference before they are timed.
public struct AttentionCheck {
  /// Which attention.
  public let mechanism: Mechanism
  /// The number of tokens.
  public let length: Int
  /// The size of a head.
  public let headSize: Int
  /// The threads that work.
  public let pool: ThreadPool

  /// Longer sequences are checked on their beginning: the dense reference takes O(L³) time.
  public static let longest = 1_025

  /// Bundles the parts.
  public init(mechanism: Mechanism, length: Int, headSize: Int, pool: ThreadPool) {
    self.mechanism = mechanism
    self.length = length
    self.headSize = headSize
    self.pool = pool
  }

  /// - Throws: An error that names the result which is more than twice as far from the truth as the same
  ///   formula in single precision.
  public func run() throws {
    let sizes = AttentionProblem<Float>.Sizes(length: min(length, Self.longest), headSize: headSize)
    let fast = AttentionProblem<Float>(sizes, seed: 1)
    let naive = AttentionProblem<Float>(sizes, seed: 1)
    let exact = AttentionProblem<Double>(sizes.inDouble, seed: 1)
    let attention = BlockedAttention(mechanism: mechanism, pool: pool)
    attention.forward(fast.projections, documents: fast.documents, results: fast.results)
    attention.backward(
      fast.dOutput, fast.projections, documents: fast.documents, results: fast.results,
      gradients: fast.gradients)
    naive.computeReference(mechanism)
    exact.computeReference(mechanism)
    try compare(fast, naive, exact)

    let cached = AttentionProblem<Float>(sizes, seed: 1)
    let cache = LookaheadCache(
      mechanism: mechanism, queryHeads: 1, kvHeads: 1, headSize: headSize, capacity: sizes.length, pool: pool)
    cache.append(cached.projections, output: cached.results.output, logSumExp: cached.results.logSumExp)
    try check(
      "cached o", cached.results.output.values, naive.results.output.values, exact.results.output.values)
  }

  private func compare(
    _ fast: AttentionProblem<Float>, _ naive: AttentionProblem<Float>, _ exact: AttentionProblem<Double>
  ) throws {
    let truth = exact.computed(mechanism)
    // A gradient may be zero, as with a single token: errors are relative to the largest of all gradients.
    let largest = truth.filter { $0.name.hasPrefix("d") }
      .map { ErrorBudget.Metric.largest.size(of: $0.values) }.max()
    for (result, (near, truth)) in zip(fast.computed(mechanism), zip(naive.computed(mechanism), truth)) {
      try check(
        result.name, result.values, near.values, truth.values,
        size: result.name.hasPrefix("d") ? largest : nil)
    }
  }

  private func check(
    _ name: String, _ values: [Float], _ naive: [Float], _ truth: [Double], size: Double? = nil
  ) throws {
    let budget = ErrorBudget(values, naive: naive, truth: truth, metric: .largest, size: size)
    guard budget.isKept else {
      throw InputError(
        "\(name) of this attention is wrong: relative error \(budget.error), allowed \(budget.limit); "
          + "it is not timed"
      )
    }
  }
}
