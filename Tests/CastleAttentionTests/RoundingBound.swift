import CastleAttention
import CastleMeasurement

/// How far results of attention in single precision can be from the truth, element by element, whatever the
/// order of the sums: the formulas of the dense form, Equations (4)–(5) and their derivatives, with
/// ``BoundedArithmetic``.
///
/// The backward pass may recover the lookahead keys of an earlier moment from the last ones, so all that it
/// does with them is charged with the roundings of the last ones.
struct RoundingBound {
  private typealias Row = UnsafeMutablePointer<Double>

  private let problem: AttentionProblem<Double>
  private let mechanism: Mechanism
  private let batch: Int
  private let queryHead: Int
  private let document: Range<Int>
  private let d: Int
  private let rootD: Double
  private let arithmetic: BoundedArithmetic

  /// The bounds of everything that `problem` computes, by name, in the order of its elements. Overwrites its
  /// results.
  ///
  /// - Parameter inputsAreRounded: Whether the computation gets the inputs of `problem` rounded to single
  ///   precision.
  static func bounds(
    _ problem: AttentionProblem<Double>, _ mechanism: Mechanism, inputsAreRounded: Bool = false
  ) -> ReferenceSolution.Results<Double> {
    let results = [problem.results.output, problem.results.logSumExp, problem.results.lookaheadKeys]
    for view in results.compactMap({ $0 }) + problem.gradients.named.map(\.view) {
      view.forEach { $0.pointee = 0 }
    }
    for batch in 0..<problem.sizes.batch {
      for head in 0..<problem.sizes.queryHeads {
        for document in problem.documents.ranges {
          RoundingBound(
            problem, mechanism, inputsAreRounded: inputsAreRounded, batch: batch,
            queryHead: head, document: document
          ).addErrors()
        }
      }
    }
    return problem.computed(mechanism)
  }

  /// A term goes through the sums over features, over tokens (once more where lookahead keys are recovered
  /// backwards) and over the query heads of a group, and through a few scalings and functions. A product may
  /// have two rounded inputs.
  private init(
    _ problem: AttentionProblem<Double>, _ mechanism: Mechanism, inputsAreRounded: Bool,
    batch: Int, queryHead: Int, document: Range<Int>
  ) {
    self.problem = problem
    self.mechanism = mechanism
    self.batch = batch
    self.queryHead = queryHead
    self.document = document
    d = problem.sizes.headSize
    rootD = Double(d).squareRoot()
    let group = problem.sizes.queryHeads / problem.sizes.kvHeads
    arithmetic = BoundedArithmetic(
      roundings: d + 2 * problem.sizes.length + group + 40 + (inputsAreRounded ? 2 : 0))
  }

  private var length: Int { document.count }
  private var square: [[Bounded]] {
    Array(repeating: Array(repeating: Bounded(), count: length), count: length)
  }

  /// The row of a token where every query head has its own, and where its group has one.
  private func own(_ view: HeadView<Double>, _ token: Int) -> Row {
    view.token(batch, queryHead, document.lowerBound + token)
  }
  private func shared(_ view: HeadView<Double>, _ token: Int) -> Row {
    let head = queryHead * problem.sizes.kvHeads / problem.sizes.queryHeads
    return view.token(batch, head, document.lowerBound + token)
  }

  /// x · y / √d.
  private func score(_ x: Row, _ y: Row) -> Bounded {
    let dot = arithmetic.dot(x, y, d)
    return Bounded(value: dot.value / rootD, error: dot.error / rootD)
  }

  /// Adds the error of `factor` · `vector` · `scale`.
  private func add(_ factor: Bounded, _ vector: Row, to errors: Row, scale: Double) {
    for i in 0..<d { errors[i] += arithmetic.product(factor, vector[i]).error * scale }
  }

  /// The tokens that the key of `s` has read when the last is `t`.
  private func read(by s: Int, upTo t: Int) -> Range<Int> {
    let isWithin = t - s <= mechanism.windowLength
    return s + 1..<max(s + 1, isWithin ? t + 1 : s + mechanism.windowLength + 1)
  }

  private func addErrors() {
    let (e, g) = lookahead()
    let recovered = recoveredKeyErrors(g)
    var (s, dA, dE, dG) = (square, square, square, square)
    for t in 0..<length {
      for key in 0...t {
        s[t][key] = arithmetic.dot(e[t], g[key], in: read(by: key, upTo: t))
      }
      dA[t] = softmax(t, &s[t], recovered)
    }
    let (x, gradients) = (problem.projections, problem.gradients)
    for t in 0..<length {
      for key in 0...t {
        if mechanism.usesCausalKeys {
          add(dA[t][key], shared(x.kc, key), to: own(gradients.qc, t), scale: 1 / rootD)
          add(dA[t][key], own(x.qc, t), to: shared(gradients.kc, key), scale: 1 / rootD)
        }
        guard mechanism.hasLookahead else { continue }
        let dS = arithmetic.product(slope(s[t][key]), dA[t][key])
        for i in 0..<d { own(gradients.qc, t)[i] += (abs(dS.value) + dS.error) * recovered[key][i] / rootD }
        arithmetic.add(dS, g[key], to: &dE[t], in: read(by: key, upTo: t))
        arithmetic.add(dS, e[t], to: &dG[key], in: read(by: key, upTo: t))
      }
    }
    if mechanism.hasLookahead { addLookaheadErrors(g, dE: dE, dG: dG) }
  }

  /// E and G.
  private func lookahead() -> (e: [[Bounded]], g: [[Bounded]]) {
    var (e, g) = (square, square)
    guard mechanism.hasLookahead, let lookahead = problem.projections.lookahead else { return (e, g) }
    for t in 0..<length {
      for j in 0...t { e[t][j] = score(own(problem.projections.qc, t), shared(lookahead.vu, j)) }
      for j in read(by: t, upTo: length - 1) {
        g[t][j] = arithmetic.sigmoid(score(shared(lookahead.qu, t), shared(lookahead.ku, j)))
      }
    }
    return (e, g)
  }

  /// The errors of the last lookahead keys, (tokens, d).
  private func recoveredKeyErrors(_ g: [[Bounded]]) -> [[Double]] {
    (0..<length).map { key in
      var errors = [Double](repeating: 0, count: d)
      guard mechanism.hasLookahead, let lookahead = problem.projections.lookahead else { return errors }
      for j in read(by: key, upTo: length - 1) {
        for i in 0..<d { errors[i] += arithmetic.rounding(g[key][j].value * shared(lookahead.vu, j)[i]) }
      }
      return errors
    }
  }

  /// SiLU'(x), or 1.
  private func slope(_ x: Bounded) -> Bounded {
    guard mechanism.appliesSiLU else { return Bounded(value: 1) }
    let gate = arithmetic.sigmoid(x)
    let rest = Bounded(value: 1 - gate.value, error: gate.error)
    return arithmetic.product(gate, Bounded(value: 1) + arithmetic.product(x, rest))
  }

  /// Adds the errors of the output, the log-sum-exp and v^C's gradient, and to `s` what recovering adds; the
  /// result is a row of dA.
  private func softmax(_ t: Int, _ s: inout [Bounded], _ recovered: [[Double]]) -> [Bounded] {
    let (x, query, dOutput) = (problem.projections, own(problem.projections.qc, t), own(problem.dOutput, t))
    let seen = max(0, t - mechanism.visibleLength + 1)...t
    func scores() -> [Bounded] {
      seen.map { key in
        let causal = mechanism.usesCausalKeys ? score(query, shared(x.kc, key)) : Bounded()
        guard mechanism.hasLookahead else { return causal }
        return causal
          - (mechanism.appliesSiLU ? arithmetic.product(s[key], arithmetic.sigmoid(s[key])) : s[key])
      }
    }
    let forward = scores()
    let logSumExp = arithmetic.logSumExp(forward)
    own(problem.results.logSumExp, t)[0] = logSumExp.error
    let weights = forward.map { arithmetic.exp($0 - logSumExp) }
    var delta = Bounded()
    for i in 0..<d {
      var output = Bounded()
      for (key, weight) in zip(seen, weights) { output += arithmetic.product(weight, shared(x.vc, key)[i]) }
      own(problem.results.output, t)[i] = output.error
      delta += arithmetic.product(output, dOutput[i])
    }

    for key in 0...t {
      for i in 0..<d { s[key].error += abs(query[i]) * recovered[key][i] / rootD }
    }
    let p = scores().map { arithmetic.exp($0 - logSumExp) }
    return (0..<length).map { key in
      guard seen.contains(key) else { return Bounded() }
      let weight = p[key - seen.lowerBound]
      add(weight, dOutput, to: shared(problem.gradients.vc, key), scale: 1)
      return arithmetic.product(weight, arithmetic.dot(dOutput, shared(x.vc, key), d) - delta)
    }
  }

  private func addLookaheadErrors(_ g: [[Bounded]], dE: [[Bounded]], dG: [[Bounded]]) {
    guard let lookahead = problem.projections.lookahead, let gradients = problem.gradients.lookahead,
      let keys = problem.results.lookaheadKeys
    else { return }
    let scale = 1 / rootD
    for t in 0..<length {
      for j in 0...t {
        add(dE[t][j], shared(lookahead.vu, j), to: own(problem.gradients.qc, t), scale: scale)
        add(dE[t][j], own(problem.projections.qc, t), to: shared(gradients.vu, j), scale: scale)
      }
      shared(keys, t).update(repeating: 0, count: d)
      for j in read(by: t, upTo: length - 1) {
        let rest = Bounded(value: 1 - g[t][j].value, error: g[t][j].error)
        let dZ = arithmetic.product(dG[t][j], arithmetic.product(g[t][j], rest))
        add(dZ, shared(lookahead.ku, j), to: shared(gradients.qu, t), scale: scale)
        add(dZ, shared(lookahead.qu, t), to: shared(gradients.ku, j), scale: scale)
        add(g[t][j], shared(lookahead.vu, j), to: shared(keys, t), scale: 1)
      }
    }
  }
}
