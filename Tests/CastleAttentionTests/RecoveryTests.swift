import CastleAttention
import CastleMeasurement
import CastleTensors
import Foundation
import Testing

/// How exactly the backward pass recovers early lookahead keys by subtracting what later tokens added to
/// them.
struct RecoveryTests {
  private static let early = 128
  private static let isLong = ProcessInfo.processInfo.environment["CASTLE_LONG_TESTS"] != nil

  /// Compares the gradients of the first tokens in a sequence of `length` whose later outputs have no
  /// gradient with the exact ones, which are those of a sequence that ends there.
  ///
  /// A lookahead key that is recovered from the last one is as exact as that: its error grows with the size
  /// of the last key, and with the root of the number of blocks that were added and subtracted (Higham and
  /// Mary, "A New Approach to Probabilistic Rounding Error Analysis", 2019), where the naive form adds the
  /// first tokens one by one.
  private func check(length: Int, mechanism: Mechanism) {
    let long = AttentionProblem<Float>(.init(length: length, headSize: 64), seed: 1)
    let naive = AttentionProblem<Float>(.init(length: Self.early, headSize: 64), seed: 2)
    let exact = AttentionProblem<Double>(naive.sizes.inDouble, seed: 2)
    let tokens = 0..<Self.early
    for (source, (single, double)) in zip(
      long.projections.named + [("do", long.dOutput)],
      zip(
        naive.projections.named + [("do", naive.dOutput)], exact.projections.named + [("do", exact.dOutput)]))
    {
      single.view.set(source.view.tokens(tokens).values)
      double.view.set(source.view.tokens(tokens).values.map(Double.init))
    }
    long.dOutput.tokens(Self.early..<length).forEach { $0.pointee = 0 }
    long.computeBlocked(mechanism, threads: 2)
    naive.computeReference(mechanism)
    exact.computeReference(mechanism)

    var growth = 1.0
    if mechanism.windowLength > Self.early, let last = long.results.lookaheadKeys,
      let early = exact.results.lookaheadKeys
    {
      let lastSize = ErrorBudget.rootMeanSquare(last.tokens(tokens).values.map(Double.init))
      let blocks = 2 * Double(length) / 64
      growth = max(
        1, lastSize / ErrorBudget.rootMeanSquare(early.values) * (blocks / Double(Self.early)).squareRoot())
    }
    for ((name, blocked), (single, double)) in zip(
      long.gradients.named, zip(naive.gradients.named, exact.gradients.named))
    {
      let truth = double.view.values
      func error(_ values: [Float]) -> Double {
        ErrorBudget.rootMeanSquare(zip(values, truth).map { Double($0) - $1 })
      }
      let ratio = error(blocked.tokens(tokens).values) / error(single.view.values)
      #expect(
        ratio <= ErrorBudget.factor * growth,
        "d\(name) of early tokens: \(ratio) times the naive error, growth \(growth), L = \(length)")
    }
  }

  @Test("early gradients of a long sequence", arguments: [Mechanism.castle, .slidingWindow(128)])
  func medium(mechanism: Mechanism) {
    for length in [256, 1024, 2048] { check(length: length, mechanism: mechanism) }
  }

  @Test(
    "early gradients of a very long sequence", .enabled(if: isLong),
    arguments: [Mechanism.castle, .slidingWindow(128)])
  func long(mechanism: Mechanism) {
    check(length: 16_384, mechanism: mechanism)
  }

  @Test(
    "all gradients of a long sequence, within twice the naive error", .enabled(if: isLong),
    arguments: [Mechanism.castle, .slidingWindow(128)])
  func wholeGradients(mechanism: Mechanism) {
    BlockedAttentionTests.compare(.init(length: 2048, headSize: 64), mechanism, seed: 3, threads: 2)
  }
}
