import CastleAttention

/// Inputs and room for the results of attention over one sequence.
final class Problem: @unchecked Sendable {
  static let heads = 8
  static let headSize = 64

  private let length: Int
  private var memory: [UnsafeMutablePointer<Float>] = []
  private var inputs: AttentionProjections<Float>
  private var gradients: AttentionProjections<Float>
  private var dOutput: HeadView<Float>
  private var results: AttentionResults<Float>

  init(length: Int) {
    self.length = length
    var memory: [UnsafeMutablePointer<Float>] = []
    func view(size: Int = Problem.headSize) -> HeadView<Float> {
      let count = Self.heads * length * size
      let base = UnsafeMutablePointer<Float>.allocate(capacity: count)
      for i in 0..<count { base[i] = Float.random(in: -1.7...1.7) }
      memory.append(base)
      return HeadView(dense: base, batch: 1, heads: Self.heads, length: length, size: size)
    }
    func projections() -> AttentionProjections<Float> {
      AttentionProjections(
        lookahead: .init(qu: view(), ku: view(), vu: view()), qc: view(), kc: view(), vc: view())
    }
    inputs = projections()
    gradients = projections()
    dOutput = view()
    results = AttentionResults(output: view(), logSumExp: view(size: 1), lookaheadKeys: view())
    self.memory = memory
  }

  deinit { for block in memory { block.deallocate() } }

  func forward(_ attention: BlockedAttention) {
    attention.forward(inputs, documents: Documents(length: length), results: results)
  }

  func backward(_ attention: BlockedAttention) {
    attention.backward(
      dOutput, inputs, documents: Documents(length: length), results: results, gradients: gradients)
  }

  /// Ends the process unless both passes give what the reference does, up to rounding.
  func check(_ attention: BlockedAttention, _ mechanism: Mechanism) {
    let documents = Documents(length: length)
    let truth = Problem(length: length)
    ReferenceAttention.parallel(inputs, mechanism: mechanism, documents: documents, results: truth.results)
    ReferenceAttention.parallelBackward(
      dOutput, inputs, mechanism: mechanism, documents: documents, gradients: truth.gradients)
    forward(attention)
    backward(attention)
    var pairs = [
      (results.output, truth.results.output), (gradients.qc, truth.gradients.qc),
      (gradients.kc, truth.gradients.kc), (gradients.vc, truth.gradients.vc),
    ]
    if mechanism.hasLookahead, let mine = gradients.lookahead, let other = truth.gradients.lookahead {
      pairs += [(mine.qu, other.qu), (mine.ku, other.ku), (mine.vu, other.vu)]
    }
    let count = Self.heads * length * Self.headSize
    for (mine, other) in pairs {
      let isNear = (0..<count).allSatisfy { abs(mine.base[$0] - other.base[$0]) < 1e-3 }
      guard isNear else { fatalError("attention is wrong: nothing is timed") }
    }
  }

  func projections(_ tokens: Range<Int>) -> AttentionProjections<Float> {
    func window(_ view: HeadView<Float>) -> HeadView<Float> { Self.window(view, tokens) }
    return AttentionProjections(
      lookahead: inputs.lookahead.map { .init(qu: window($0.qu), ku: window($0.ku), vu: window($0.vu)) },
      qc: window(inputs.qc), kc: window(inputs.kc), vc: window(inputs.vc))
  }

  func output(_ tokens: Range<Int>) -> HeadView<Float> { Self.window(results.output, tokens) }

  private static func window(_ view: HeadView<Float>, _ tokens: Range<Int>) -> HeadView<Float> {
    var window = view
    window.base += tokens.lowerBound * view.tokenStride
    window.length = tokens.count
    return window
  }
}
