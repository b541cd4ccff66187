public import CastleAttention
import CastleTensors

/// A random attention problem with room for its results and gradients: the same numbers in every precision.
public final class AttentionProblem<Scalar: BinaryFloatingPoint>: @unchecked Sendable {
  /// The shape of a problem and its layout in memory.
  public struct Sizes: CustomStringConvertible, Sendable {
    /// The number of sequences, B.
    public var batch: Int
    /// The number of query heads, Hq.
    public var queryHeads: Int
    /// The number of heads of all other projections, H.
    public var kvHeads: Int
    /// The number of tokens, L.
    public var length: Int
    /// The size of a head, d.
    public var headSize: Int
    /// The lengths of the documents of every sequence; nil for a single one.
    public var documents: [Int]?
    /// Whether tokens are rows that hold all heads side by side, with a gap, instead of (B, H, L, d).
    public var isInterleaved: Bool
    /// What the normal numbers of the inputs are multiplied by.
    public var inputScale: Double

    /// Bundles the sizes.
    public init(
      batch: Int = 1, queryHeads: Int = 1, kvHeads: Int = 1, length: Int, headSize: Int,
      documents: [Int]? = nil,
      isInterleaved: Bool = false, inputScale: Double = 1
    ) {
      self.batch = batch
      self.queryHeads = queryHeads
      self.kvHeads = kvHeads
      self.length = length
      self.headSize = headSize
      self.documents = documents
      self.isInterleaved = isInterleaved
      self.inputScale = inputScale
    }

    /// The sizes in one line.
    public var description: String {
      "B \(batch), heads \(queryHeads)/\(kvHeads), L \(length), d \(headSize), "
        + "documents \(documents ?? [length])\(isInterleaved ? ", interleaved" : "")"
    }

    /// The same sizes for a problem in double precision.
    public var inDouble: AttentionProblem<Double>.Sizes {
      .init(
        batch: batch, queryHeads: queryHeads, kvHeads: kvHeads, length: length, headSize: headSize,
        documents: documents, isInterleaved: isInterleaved, inputScale: inputScale)
    }
  }

  /// The sizes.
  public let sizes: Sizes
  /// The inputs.
  public let projections: AttentionProjections<Scalar>
  /// Room for what a forward pass computes.
  public let results: AttentionResults<Scalar>
  /// The gradient of the outputs.
  public let dOutput: HeadView<Scalar>
  /// Room for what a backward pass computes.
  public let gradients: AttentionProjections<Scalar>
  private var memory: [UnsafeMutablePointer<Scalar>] = []

  /// How the sequences are cut.
  public var documents: Documents {
    sizes.documents.flatMap { Documents(lengths: $0) } ?? Documents(length: sizes.length)
  }

  /// Inputs are normal numbers times `inputScale`; results start as NaN.
  public init(_ sizes: Sizes, seed: UInt64) {
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
  public func computed(_ mechanism: Mechanism) -> [(name: String, values: [Scalar])] {
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

extension AttentionProblem {
  /// Fills results and gradients from the dense reference.
  public func computeReference(_ mechanism: Mechanism) where Scalar == Float {
    ReferenceAttention.parallel(projections, mechanism: mechanism, documents: documents, results: results)
    ReferenceAttention.parallelBackward(
      dOutput, projections, mechanism: mechanism, documents: documents, gradients: gradients)
  }

  /// Fills results and gradients from the dense reference.
  public func computeReference(_ mechanism: Mechanism) where Scalar == Double {
    ReferenceAttention.parallel(projections, mechanism: mechanism, documents: documents, results: results)
    ReferenceAttention.parallelBackward(
      dOutput, projections, mechanism: mechanism, documents: documents, gradients: gradients)
  }
}

extension HeadView {
  /// Calls `body` with the address of each element, in the order (B, H, L, d).
  @inlinable
  public func forEach(_ body: (UnsafeMutablePointer<Scalar>) -> Void) {
    for b in 0..<batch {
      for h in 0..<heads {
        for t in 0..<length {
          for i in 0..<size { body(token(b, h, t) + i) }
        }
      }
    }
  }

  /// The elements in the order (B, H, L, d).
  @inlinable
  public var values: [Scalar] {
    var values: [Scalar] = []
    values.reserveCapacity(batch * heads * length * size)
    forEach { values.append($0.pointee) }
    return values
  }
}
