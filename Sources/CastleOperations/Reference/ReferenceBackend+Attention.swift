public import CastleAttention
public import CastleTensors
import RealModule

extension ReferenceBackend {
  /// Attention over packed documents. See ``Backend``.
  public func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    let layout = projections.layout
    let length = output.rowCount
    HeadNumbers.with(self) { numbers in
      let results = AttentionResults(
        output: numbers.tensor(layout.queryHeads, length, layout.headSize),
        logSumExp: numbers.tensor(layout.queryHeads, length, 1),
        lookaheadKeys: mechanism.hasLookahead
          ? lookaheadKeys.map { _ in numbers.tensor(layout.kvHeads, length, layout.headSize) } : nil)
      ReferenceAttention.parallel(
        numbers.projections(projections), mechanism: mechanism,
        documents: documents, results: results)
      store(numbers.columns(results.output), in: output)
      let sums = results.logSumExp
      for head in 0..<sums.heads {
        store((0..<length).map { sums.token(0, head, $0).pointee }, in: logSumExp.rows(head..<head + 1))
      }
      if let lookaheadKeys, let keys = results.lookaheadKeys {
        store(numbers.columns(keys), in: lookaheadKeys)
      }
    }
  }

  /// Overwrites `gradients`. See ``Backend``.
  public func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices
  ) {
    HeadNumbers.with(self) { numbers in
      // With what is there, as some of it may not be overwritten.
      let results = numbers.projections(gradients)
      ReferenceAttention.parallelBackward(
        numbers.tensor(dOutput, heads: projections.layout.queryHeads), numbers.projections(projections),
        mechanism: mechanism, documents: documents, gradients: results)
      for (view, matrix) in zip(results.all, gradients.all) { store(numbers.columns(view), in: matrix) }
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

  /// Appends document i of `projections` to `caches[i]` and computes attention of the whole sequence again.
  public func attention(
    _ projections: ProjectionMatrices, documents: Documents, appendingTo caches: [any AttentionCache],
    output: Matrix
  ) {
    precondition(
      documents.ranges.count == caches.count && documents.length == output.rowCount,
      "documents do not fit the caches")
    for (cache, rows) in zip(caches, documents.ranges) {
      guard let cache = cache as? ReferenceCache else { preconditionFailure("a cache of another backend") }
      append(projections.rows(rows), to: cache, output: output.rows(rows))
    }
  }

  private func append(_ projections: ProjectionMatrices, to cache: ReferenceCache, output: Matrix) {
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
      cache.projections, mechanism: cache.mechanism, documents: Documents(length: cache.length),
      output: whole,
      logSumExp: matrix(layout.queryHeads, cache.length),
      lookaheadKeys: cache.mechanism.hasLookahead
        ? matrix(cache.length, layout.kvHeads * layout.headSize) : nil)
    copy(whole.rows(start..<cache.length), to: output)
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

  func discardSnapshots() {}

  func canTruncate(to length: Int) -> Bool { (0...self.length).contains(length) }

  func truncate(to length: Int) {
    precondition(canTruncate(to: length), "the cache has \(self.length) tokens, not \(length)")
    self.length = length
  }
}

/// Tensors in another precision, (1, H, L, d) each, which live as long as a call of ``with(_:_:)``.
private final class HeadNumbers<Scalar: Real & BinaryFloatingPoint & Sendable> {
  private let backend: ReferenceBackend<Scalar>
  private var allocations: [UnsafeMutablePointer<Scalar>] = []

  private init(_ backend: ReferenceBackend<Scalar>) { self.backend = backend }

  /// Calls `body`, which may make tensors and must not keep them.
  static func with(_ backend: ReferenceBackend<Scalar>, _ body: (HeadNumbers) -> Void) {
    let numbers = HeadNumbers(backend)
    defer { for address in numbers.allocations { address.deallocate() } }
    body(numbers)
  }

  /// The projections in `matrices`.
  func projections(_ matrices: ProjectionMatrices) -> AttentionProjections<Scalar> {
    let (query, key) = (matrices.layout.queryHeads, matrices.layout.kvHeads)
    return AttentionProjections(
      lookahead: matrices.lookahead.map {
        .init(qu: tensor($0.qu, heads: key), ku: tensor($0.ku, heads: key), vu: tensor($0.vu, heads: key))
      }, qc: tensor(matrices.qc, heads: query), kc: tensor(matrices.kc, heads: key),
      vc: tensor(matrices.vc, heads: key))
  }

  /// A tensor of zeros.
  func tensor(_ heads: Int, _ length: Int, _ size: Int) -> HeadView<Scalar> {
    tensor(Array(repeating: 0, count: heads * length * size), heads: heads, length: length)
  }

  /// The columns of `matrix` as heads.
  func tensor(_ matrix: Matrix, heads: Int) -> HeadView<Scalar> {
    tensor(backend.numbers(matrix), heads: heads, length: matrix.rowCount)
  }

  /// The heads side by side, one row a token.
  func columns(_ view: HeadView<Scalar>) -> [Scalar] {
    (0..<view.length).flatMap { token in
      (0..<view.heads).flatMap { head in
        UnsafeBufferPointer(start: view.token(0, head, token), count: view.size)
      }
    }
  }

  /// `columns`, heads side by side, one row a token, in memory of its own.
  private func tensor(_ columns: [Scalar], heads: Int, length: Int) -> HeadView<Scalar> {
    let base = UnsafeMutablePointer<Scalar>.allocate(capacity: max(columns.count, 1))
    for (index, number) in columns.enumerated() { (base + index).initialize(to: number) }
    allocations.append(base)
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
    (queryHeads + (mechanism.hasLookahead ? 5 : 2) * kvHeads) * headSize
  }
}
