import CastleAttention
import CastleTensors

/// A random attention problem with room for its results and gradients.
final class AttentionProblem<Scalar: BinaryFloatingPoint> {
  /// What a test chooses.
  struct Sizes: CustomStringConvertible {
    var batch = 1
    var queryHeads = 1
    var kvHeads = 1
    var length: Int
    var headSize: Int
    var documents: [Int]?
    /// Whether tokens are rows that hold all heads side by side, with a gap, instead of (B, H, L, d).
    var isInterleaved = false
    var inputScale = 1.0

    var description: String {
      "B \(batch), heads \(queryHeads)/\(kvHeads), L \(length), d \(headSize), "
        + "documents \(documents ?? [length])\(isInterleaved ? ", interleaved" : "")"
    }

    /// The same sizes for a problem in double precision.
    var inDouble: AttentionProblem<Double>.Sizes {
      .init(
        batch: batch, queryHeads: queryHeads, kvHeads: kvHeads, length: length, headSize: headSize,
        documents: documents, isInterleaved: isInterleaved, inputScale: inputScale)
    }
  }

  let sizes: Sizes
  let projections: AttentionProjections<Scalar>
  let results: AttentionResults<Scalar>
  let dOutput: HeadView<Scalar>
  let gradients: AttentionProjections<Scalar>
  private var memory: [UnsafeMutablePointer<Scalar>] = []

  var documents: Documents {
    sizes.documents.flatMap { Documents(lengths: $0) } ?? Documents(length: sizes.length)
  }

  /// Inputs are normal numbers times `inputScale`; results start as NaN.
  init(_ sizes: Sizes, seed: UInt64) {
    self.sizes = sizes
    var memory: [UnsafeMutablePointer<Scalar>] = []
    var source = RandomSource(seed: seed)
    func view(heads: Int, size: Int? = nil, random: Bool) -> HeadView<Scalar> {
      let size = size ?? sizes.headSize
      let gap = sizes.isInterleaved ? 3 : 0
      let tokenStride = sizes.isInterleaved ? heads * size + gap : size
      let count = sizes.batch * sizes.length * (heads * size + gap)
      let base = UnsafeMutablePointer<Scalar>.allocate(capacity: count + 1)
      base.initialize(repeating: .nan, count: count + 1)
      memory.append(base)
      let view = HeadView(
        base, batch: sizes.batch, heads: heads, length: sizes.length, size: size,
        batchStride: sizes.length * (heads * size + gap),
        headStride: sizes.isInterleaved ? size : sizes.length * size, tokenStride: tokenStride)
      guard random else { return view }
      view.forEach { $0.pointee = Scalar(Float(Double(source.nextNormal()) * sizes.inputScale)) }
      return view
    }
    func projections(random: Bool) -> AttentionProjections<Scalar> {
      let lookahead = AttentionProjections<Scalar>.Lookahead(
        qu: view(heads: sizes.kvHeads, random: random), ku: view(heads: sizes.kvHeads, random: random),
        vu: view(heads: sizes.kvHeads, random: random))
      return AttentionProjections(
        lookahead: lookahead, qc: view(heads: sizes.queryHeads, random: random),
        kc: view(heads: sizes.kvHeads, random: random), vc: view(heads: sizes.kvHeads, random: random))
    }
    self.projections = projections(random: true)
    dOutput = view(heads: sizes.queryHeads, random: true)
    gradients = projections(random: false)
    results = AttentionResults(
      output: view(heads: sizes.queryHeads, random: false),
      logSumExp: view(heads: sizes.queryHeads, size: 1, random: false),
      lookaheadKeys: view(heads: sizes.kvHeads, random: false))
    self.memory = memory
  }

  deinit { for block in memory { block.deallocate() } }

  /// Everything that forward and backward passes compute, by name.
  func computed(_ mechanism: Mechanism) -> [(name: String, values: [Scalar])] {
    var all: [(String, HeadView<Scalar>)] = [
      ("o", results.output), ("lse", results.logSumExp), ("dqc", gradients.qc), ("dkc", gradients.kc),
      ("dvc", gradients.vc),
    ]
    if mechanism.hasLookahead, let keys = results.lookaheadKeys, let lookahead = gradients.lookahead {
      all += [("u", keys), ("dqu", lookahead.qu), ("dku", lookahead.ku), ("dvu", lookahead.vu)]
    }
    return all.map { ($0, $1.values) }
  }
}

extension HeadView {
  /// Calls `body` with the address of each element, in the order (B, H, L, d).
  func forEach(_ body: (UnsafeMutablePointer<Scalar>) -> Void) {
    for b in 0..<batch {
      for h in 0..<heads {
        for t in 0..<length {
          for i in 0..<size { body(token(b, h, t) + i) }
        }
      }
    }
  }

  /// The elements in the order (B, H, L, d).
  var values: [Scalar] {
    var values: [Scalar] = []
    forEach { values.append($0.pointee) }
    return values
  }
}
