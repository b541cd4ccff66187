import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

/// Which tasks threads share.
struct WorkPlanTests {
  /// A number of heads of one length on some threads, and how many of them are to be shared by how many.
  struct Case: CustomTestStringConvertible {
    var heads: Int
    var length: Int
    var past = 0
    var threads: Int
    var shared: Int
    var parts = 0

    var testDescription: String { "\(heads) heads, \(past) + \(length) tokens, \(threads) threads" }
  }

  static let cases = [
    // The tasks are as many as the threads, or many times as many.
    Case(heads: 1, length: 4096, threads: 1, shared: 0), Case(heads: 4, length: 4096, threads: 2, shared: 0),
    Case(heads: 17, length: 1024, threads: 2, shared: 0),
    Case(heads: 64, length: 4096, threads: 8, shared: 0),
    // One head that is left over on two threads, from two panels on.
    Case(heads: 1, length: 64, threads: 2, shared: 0),
    Case(heads: 1, length: 128, threads: 2, shared: 1, parts: 2),
    Case(heads: 1, length: 1024, threads: 2, shared: 1, parts: 2),
    Case(heads: 7, length: 2048, threads: 2, shared: 1, parts: 2),
    // Never more threads than panels.
    Case(heads: 1, length: 130, threads: 8, shared: 1, parts: 3),
    // All threads but one have a head: one round, of which sharing would make several.
    Case(heads: 7, length: 64, threads: 8, shared: 0), Case(heads: 15, length: 512, threads: 16, shared: 0),
    Case(heads: 7, length: 2048, threads: 8, shared: 7, parts: 8),
    Case(heads: 9, length: 512, threads: 8, shared: 1, parts: 8),
    // A token that is appended has one block of queries, and a panel for every 64 tokens before it.
    Case(heads: 3, length: 1, past: 30, threads: 2, shared: 0),
    Case(heads: 3, length: 1, past: 1000, threads: 2, shared: 1, parts: 2),
    Case(heads: 7, length: 1, past: 1000, threads: 8, shared: 0),
  ]

  private func plan(_ heads: Int, _ documents: [Int], past: Int = 0, threads: Int) throws -> WorkPlan {
    let problem = AttentionProblem<Float>(
      .init(queryHeads: heads, kvHeads: heads, length: documents.reduce(0, +), headSize: 1), seed: 1)
    return WorkPlan(
      AttentionShape(problem.projections, mechanism: .castle),
      documents: try #require(Documents(lengths: documents)), past: past, threads: threads)
  }

  @Test("heads that are left over", arguments: cases)
  func sharing(of it: Case) throws {
    let plan = try plan(it.heads, [it.length], past: it.past, threads: it.threads)
    #expect(plan.shared.map(\.parts) == Array(repeating: it.parts, count: it.shared))
    #expect((plan.whole + plan.shared.map(\.task)).map(\.kvHead) == Array(0..<it.heads))
  }

  @Test("every document of every head is computed once")
  func everyTaskOnce() throws {
    for threads in 1...5 {
      let plan = try plan(3, [40, 300], threads: threads)
      let tasks = (plan.whole + plan.shared.map(\.task)).map { "\($0.kvHead) \($0.document)" }
      #expect(Set(tasks).count == 6 && tasks.count == 6)
    }
  }

  @Test("problems side by side are split as each is alone")
  func severalProblems() throws {
    for threads in 1...5 {
      let plans = try [(3, 400, 0), (5, 1, 1000), (1, 64, 30)].map { heads, length, past in
        try plan(heads, [length], past: past, threads: threads)
      }
      let together = WorkPlan(plans)
      #expect(together.whole.count == plans.map(\.whole.count).reduce(0, +))
      #expect(together.shared.map(\.parts) == plans.flatMap { $0.shared.map(\.parts) })
    }
  }

  @Test("a thread with no panel takes no memory")
  func memory() {
    func byteCount(threads: Int) -> Int {
      let workspace = AttentionWorkspace()
      let problem = AttentionProblem<Float>(.init(length: 128, headSize: 16), seed: 1)
      BlockedAttention(mechanism: .castle, pool: ThreadPool(threadCount: threads), workspace: workspace)
        .forward(problem.projections, documents: problem.documents, results: problem.results)
      return workspace.byteCount
    }
    #expect(byteCount(threads: 6) <= byteCount(threads: 2) * 2)
  }
}
