public import CastleAttention
public import CastleTensors
import RealModule

extension ReferenceBackend {
  /// Attention over packed sequences. See ``Backend``.
  public func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, sequences: [Range<Int>],
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    let layout = projections.layout
    let inputs = HeadNumbers(projections, of: self)
    let length = output.rowCount
    let results = AttentionResults(
      output: inputs.tensor(layout.queryHeads, length, layout.headSize),
      logSumExp: inputs.tensor(layout.queryHeads, length, 1),
      lookaheadKeys: lookaheadKeys.map { _ in inputs.tensor(layout.keyHeads, length, layout.headSize) })
    ReferenceAttention.parallel(
      inputs.projections, mechanism: mechanism, documents: Self.documents(sequences), results: results)
    store(inputs.columns(results.output), in: output)
    let sums = results.logSumExp
    for head in 0..<sums.heads {
      store((0..<length).map { sums.token(0, head, $0).pointee }, in: logSumExp.rows(head..<head + 1))
    }
    if let lookaheadKeys, let keys = results.lookaheadKeys { store(inputs.columns(keys), in: lookaheadKeys) }
  }

  /// Overwrites `gradients`. See ``Backend``.
  public func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, sequences: [Range<Int>],
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices
  ) {
    let inputs = HeadNumbers(projections, of: self)
    let results = HeadNumbers(projections, of: self)
    ReferenceAttention.parallelBackward(
      inputs.tensor(dOutput, heads: projections.layout.queryHeads, of: self), inputs.projections,
      mechanism: mechanism, documents: Self.documents(sequences), gradients: results.projections)
    for (numbers, matrix) in zip(results.projections.all, gradients.all) {
      store(results.columns(numbers), in: matrix)
    }
  }

  /// A cache that keeps all projections.
  public func makeAttentionCache(
    _ layout: HeadLayout, mechanism: Mechanism, capacity: Int
  ) -> any AttentionCache {
    ReferenceCache(
      layout: layout, mechanism: mechanism, capacity: capacity,
      rows: allocate(Float.self, rowCount: capacity, columnCount: layout.width(mechanism)))
  }

  /// Appends the tokens of `projections` to `cache` and computes attention of the whole sequence again.
  public func attention(
    _ projections: ProjectionMatrices, appendingTo cache: any AttentionCache, output: Matrix
  ) {
    guard let cache = cache as? ReferenceCache else { preconditionFailure("a cache of another backend") }
    let (start, layout) = (cache.length, cache.layout)
    cache.length += output.rowCount
    precondition(cache.length <= cache.capacity, "the cache is full")
    for (new, all) in zip(projections.all, cache.projections.all) {
      copy(new, to: all.rows(start..<cache.length))
    }
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      allocate(Float.self, rowCount: rows, columnCount: columns)
    }
    let whole = matrix(cache.length, output.columnCount)
    attention(
      cache.projections, mechanism: cache.mechanism, sequences: [0..<cache.length], output: whole,
      logSumExp: matrix(layout.queryHeads, cache.length),
      lookaheadKeys: cache.mechanism.hasLookahead
        ? matrix(cache.length, layout.keyHeads * layout.headSize) : nil)
    copy(whole.rows(start..<cache.length), to: output)
  }

  private static func documents(_ sequences: [Range<Int>]) -> Documents {
    guard let documents = Documents(lengths: sequences.map(\.count)) else {
      preconditionFailure("a sequence is empty")
    }
    return documents
  }
}

/// All projections of the tokens so far: the reference recomputes what a cache would hold.
private final class ReferenceCache: AttentionCache {
  let layout: HeadLayout
  let mechanism: Mechanism
  let capacity: Int
  let rows: Matrix
  var length = 0

  init(layout: HeadLayout, mechanism: Mechanism, capacity: Int, rows: Matrix) {
    self.layout = layout
    self.mechanism = mechanism
    self.capacity = capacity
    self.rows = rows
  }

  var projections: ProjectionMatrices {
    ProjectionMatrices(fused: rows.rows(0..<length), layout: layout, hasLookahead: mechanism.hasLookahead)
  }

  var byteCount: Int { length * rows.columnCount * MemoryLayout<Float>.stride }

  func fork() -> any AttentionCache {
    let backend = ReferenceBackend<Float>()
    let copy = ReferenceCache(
      layout: layout, mechanism: mechanism, capacity: capacity,
      rows: backend.allocate(Float.self, rowCount: rows.rowCount, columnCount: rows.columnCount))
    copy.length = length
    backend.copy(rows.rows(0..<length), to: copy.rows.rows(0..<length))
    return copy
  }

  func snapshot() {}

  func truncate(to length: Int) {
    precondition(length >= 0 && length <= self.length)
    self.length = length
  }
}

/// Projections in another precision, (1, H, L, d) each, and further tensors with the same lifetime.
private final class HeadNumbers<Scalar: Real & BinaryFloatingPoint & Sendable> {
  private var allocations: [UnsafeMutablePointer<Scalar>] = []
  private(set) var projections: AttentionProjections<Scalar>

  init(_ source: ProjectionMatrices, of backend: ReferenceBackend<Scalar>) {
    var allocations: [UnsafeMutablePointer<Scalar>] = []
    func view(_ matrix: Matrix, _ heads: Int) -> HeadView<Scalar> {
      let view = Self.copy(backend.numbers(matrix), heads: heads, length: matrix.rowCount)
      allocations.append(view.base)
      return view
    }
    let (query, key) = (source.layout.queryHeads, source.layout.keyHeads)
    projections = AttentionProjections(
      lookahead: source.lookahead.map {
        .init(qu: view($0.qu, key), ku: view($0.ku, key), vu: view($0.vu, key))
      }, qc: view(source.qc, query), kc: view(source.kc, key), vc: view(source.vc, key))
    self.allocations = allocations
  }

  deinit { for address in allocations { address.deallocate() } }

  /// A tensor of zeros.
  func tensor(_ heads: Int, _ length: Int, _ size: Int) -> HeadView<Scalar> {
    keep(Self.copy(Array(repeating: 0, count: heads * length * size), heads: heads, length: length))
  }

  /// The columns of `matrix` as heads.
  func tensor(_ matrix: Matrix, heads: Int, of backend: ReferenceBackend<Scalar>) -> HeadView<Scalar> {
    keep(Self.copy(backend.numbers(matrix), heads: heads, length: matrix.rowCount))
  }

  /// The heads side by side, one row a token.
  func columns(_ view: HeadView<Scalar>) -> [Scalar] {
    (0..<view.length).flatMap { token in
      (0..<view.heads).flatMap { head in
        UnsafeBufferPointer(start: view.token(0, head, token), count: view.size)
      }
    }
  }

  private func keep(_ view: HeadView<Scalar>) -> HeadView<Scalar> {
    allocations.append(view.base)
    return view
  }

  /// `columns`, heads side by side, one row a token, in memory of its own.
  private static func copy(_ columns: [Scalar], heads: Int, length: Int) -> HeadView<Scalar> {
    let base = UnsafeMutablePointer<Scalar>.allocate(capacity: max(columns.count, 1))
    for (index, number) in columns.enumerated() { (base + index).initialize(to: number) }
    let size = columns.count / max(heads * length, 1)
    return HeadView(
      base, batch: 1, heads: heads, length: length, size: size, batchStride: 0, headStride: size,
      tokenStride: heads * size)
  }
}

extension AttentionProjections {
  fileprivate var all: [HeadView<Scalar>] {
    [lookahead?.qu, lookahead?.ku, lookahead?.vu].compactMap { $0 } + [qc, kc, vc]
  }
}

extension ProjectionMatrices {
  fileprivate var all: [Matrix] {
    [lookahead?.qu, lookahead?.ku, lookahead?.vu].compactMap { $0 } + [qc, kc, vc]
  }
}

extension HeadLayout {
  /// The width of all projections side by side.
  fileprivate func width(_ mechanism: Mechanism) -> Int {
    (queryHeads + (mechanism.hasLookahead ? 5 : 2) * keyHeads) * headSize
  }
}
