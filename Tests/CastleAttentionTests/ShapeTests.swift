import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

/// Memory that does not fit the problem is a trap in every form of attention, before anything is written.
struct ShapeTests {
  /// A form of attention, by its entry point.
  enum Form: String, Codable, CaseIterable {
    case blocked, blockedBackward, cache, recurrent, parallel, parallelBackward
  }

  /// What is of another shape, or missing.
  enum Fault: String, Codable, CaseIterable {
    case documents, output, logSumExp, sizeOfLogSumExp, lookaheadKeys, noLookaheadKeys, dOutput, gradients,
      lookaheadGradients

    /// The forms that are given it.
    var forms: [Form] {
      switch self {
      case .documents: Form.allCases.filter { $0 != .cache }
      case .output, .logSumExp, .sizeOfLogSumExp: Form.allCases.filter { $0 != .parallelBackward }
      case .lookaheadKeys: [.blocked, .blockedBackward, .recurrent, .parallel]
      case .noLookaheadKeys: [.blockedBackward]
      case .dOutput, .gradients, .lookaheadGradients: [.blockedBackward, .parallelBackward]
      }
    }
  }

  private static func run(_ form: Form, with fault: Fault?) {
    let problem = AttentionProblem<Float>(.init(queryHeads: 2, kvHeads: 1, length: 9, headSize: 4), seed: 1)
    let few = problem.results.output.tokens(0..<8)
    var (results, gradients, dOutput) = (problem.results, problem.gradients, problem.dOutput)
    if fault == .output { results.output = few }
    if fault == .logSumExp { results.logSumExp.heads = 1 }
    if fault == .sizeOfLogSumExp { results.logSumExp = results.output }
    if fault == .lookaheadKeys { results.lookaheadKeys = few }
    if fault == .noLookaheadKeys { results.lookaheadKeys = nil }
    if fault == .dOutput { dOutput = few }
    if fault == .gradients { gradients.vc = few }
    if fault == .lookaheadGradients { gradients.lookahead?.ku = few }
    let documents = Documents(length: fault == .documents ? 8 : 9)
    let x = problem.projections
    let blocked = BlockedAttention(mechanism: .castle, pool: ThreadPool(threadCount: 1))
    switch form {
    case .blocked: blocked.forward(x, documents: documents, results: results)
    case .blockedBackward:
      blocked.backward(dOutput, x, documents: documents, results: results, gradients: gradients)
    case .cache:
      let cache = LookaheadCache(
        mechanism: .castle, queryHeads: 2, kvHeads: 1, headSize: 4, capacity: 9,
        pool: ThreadPool(threadCount: 1))
      cache.append(x, output: results.output, logSumExp: results.logSumExp)
    case .recurrent:
      ReferenceAttention.recurrent(x, mechanism: .castle, documents: documents, results: results)
    case .parallel:
      ReferenceAttention.parallel(x, mechanism: .castle, documents: documents, results: results)
    case .parallelBackward:
      ReferenceAttention.parallelBackward(
        dOutput, x, mechanism: .castle, documents: documents, gradients: gradients)
    }
  }

  @Test("what fits is computed", arguments: Form.allCases)
  func fitting(form: Form) { Self.run(form, with: nil) }

  #if compiler(>=6.3)
    @Test("what does not fit is a trap", arguments: Fault.allCases)
    func notFitting(fault: Fault) async {
      for form in fault.forms {
        await #expect(processExitsWith: .failure, "\(form), \(fault)") { [form = form as Form, fault] in
          Self.run(form, with: fault)
        }
      }
    }

    @Test("sizes that nothing can have are a trap")
    func impossibleSizes() async {
      await #expect(processExitsWith: .failure) { _ = Documents(length: -3) }
      await #expect(processExitsWith: .failure) { _ = Mechanism.slidingWindow(-1) }
      await #expect(processExitsWith: .failure) {
        var mechanism = Mechanism.castle
        mechanism.window = .tokens(-1)
      }
      for (heads, capacity) in [(0, 9), (2, -1)] {
        await #expect(processExitsWith: .failure) { [heads = heads as Int, capacity = capacity as Int] in
          _ = LookaheadCache(
            mechanism: .castle, queryHeads: heads, kvHeads: 1, headSize: 4, capacity: capacity,
            pool: ThreadPool(threadCount: 1))
        }
      }
    }
  #endif
}
