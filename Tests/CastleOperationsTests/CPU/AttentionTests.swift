import CastleAttention
import CastleOperations
import CastleTensors
import Testing

/// Attention of the CPU backend, on columns of one matrix of projections, against the reference.
struct AttentionTests {
  private static let layout = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 10)
  private static let documents = Documents([0..<1, 1..<71, 71..<130])
  private static let length = 130

  private static func width(_ mechanism: Mechanism) -> Int { mechanism.hasLookahead ? 140 : 80 }

  /// Outputs and gradients as the dense reference computes them.
  private static func reference<Scalar: BinaryFloatingPoint>(
    _ projections: [Scalar], _ dOutput: [Scalar], _ mechanism: Mechanism,
    _ run: (
      AttentionProjections<Scalar>, HeadView<Scalar>, AttentionResults<Scalar>, AttentionProjections<Scalar>
    ) -> Void
  ) -> (output: [Scalar], gradients: [Scalar]) {
    let output = DenseColumns<Scalar>(nil, columns: 40, rows: length)
    let upstream = DenseColumns(dOutput, columns: 40, rows: length)
    let (x, gradients) = (
      DenseColumns(projections, columns: width(mechanism), rows: length),
      DenseColumns<Scalar>(nil, columns: width(mechanism), rows: length)
    )
    let logSumExp = DenseColumns<Scalar>(nil, columns: 4, rows: length)
    run(
      x.projections(mechanism), upstream.view(from: 0, heads: 4),
      AttentionResults(
        output: output.view(from: 0, heads: 4), logSumExp: logSumExp.view(from: 0, heads: 4, size: 1),
        lookaheadKeys: nil), gradients.projections(mechanism))
    return (output.values, gradients.values)
  }

  @Test(
    "attention and its gradients", arguments: Machine.all,
    [Mechanism.causal, .castle, .slidingWindow(20)])
  func attention(machine: Machine, mechanism: Mechanism) {
    let backend = machine.backend
    var source = RandomSource(seed: 1)
    let (rows, width) = (Self.length, Self.width(mechanism))
    let (x, dOutput) = (source.normals(rows * width), source.normals(rows * 40))
    let fused = Window(x, rows: rows, columns: width, on: backend)
    let gradients = Window(rows: rows, columns: width, on: backend)
    let output = Window(rows: rows, columns: 40, on: backend)
    let logSumExp = Window(rows: 4, columns: rows, on: backend)
    let keys = mechanism.hasLookahead ? Window(rows: rows, columns: 20, on: backend) : nil
    func projections(_ matrix: Matrix) -> ProjectionMatrices {
      ProjectionMatrices(fused: matrix, layout: Self.layout, hasLookahead: mechanism.hasLookahead)
    }
    backend.attention(
      projections(fused.matrix), mechanism: mechanism, documents: Self.documents, output: output.matrix,
      logSumExp: logSumExp.matrix, lookaheadKeys: keys?.matrix)
    backend.attentionBackward(
      Window(dOutput, rows: rows, columns: 40, on: backend).matrix, projections(fused.matrix),
      mechanism: mechanism, documents: Self.documents, output: output.matrix, logSumExp: logSumExp.matrix,
      lookaheadKeys: keys?.matrix, gradients: projections(gradients.matrix))

    let documents = Self.documents
    let naive = Self.reference(x, dOutput, mechanism) { x, dOutput, results, gradients in
      ReferenceAttention.parallel(x, mechanism: mechanism, documents: documents, results: results)
      ReferenceAttention.parallelBackward(
        dOutput, x, mechanism: mechanism, documents: documents, gradients: gradients)
    }
    let truth = Self.reference(x.doubles, dOutput.doubles, mechanism) { x, dOutput, results, gradients in
      ReferenceAttention.parallel(x, mechanism: mechanism, documents: documents, results: results)
      ReferenceAttention.parallelBackward(
        dOutput, x, mechanism: mechanism, documents: documents, gradients: gradients)
    }
    expectAccurate(output.values(), naive: naive.output, truth: truth.output, "o")
    expectAccurate(gradients.values(), naive: naive.gradients, truth: truth.gradients, "gradients")
    #expect(fused.values() == x)
  }

  @Test(
    "a cache gives what the reference gives", arguments: Machine.all,
    [Mechanism.causal, .castle, .slidingWindow(20)])
  func cache(machine: Machine, mechanism: Mechanism) {
    let backend = machine.backend
    var source = RandomSource(seed: 2)
    let (rows, width) = (Self.length, Self.width(mechanism))
    let x = source.normals(rows * width)
    let fused = Window(x, rows: rows, columns: width, on: backend)
    func projections(_ rows: Range<Int>) -> ProjectionMatrices {
      ProjectionMatrices(
        fused: fused.matrix.rows(rows), layout: Self.layout, hasLookahead: mechanism.hasLookahead)
    }
    let output = Window(rows: rows, columns: 40, on: backend)
    let cache = backend.makeAttentionCache(Self.layout, mechanism: mechanism, capacity: rows)
    for chunk in [0..<65, 65..<66, 66..<73, 73..<rows] {
      backend.attention(projections(chunk), appendingTo: cache, output: output.matrix.rows(chunk))
    }
    #expect(cache.length == rows && cache.capacity == rows && cache.byteCount > 0)

    let (documents, dOutput) = (Documents(length: rows), [Float](repeating: 0, count: rows * 40))
    let naive = Self.reference(x, dOutput, mechanism) { x, _, results, _ in
      ReferenceAttention.parallel(x, mechanism: mechanism, documents: documents, results: results)
    }
    let truth = Self.reference(x.doubles, dOutput.doubles, mechanism) { x, _, results, _ in
      ReferenceAttention.parallel(x, mechanism: mechanism, documents: documents, results: results)
    }
    expectAccurate(output.values(), naive: naive.output, truth: truth.output, "o")
  }
}

/// A host matrix whose columns are the heads of projections, as the reference reads them.
private final class DenseColumns<Scalar: BinaryFloatingPoint> {
  private let columns: Int
  private let rows: Int
  private let memory: UnsafeMutableBufferPointer<Scalar>

  init(_ values: [Scalar]?, columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    memory = .allocate(capacity: columns * rows)
    memory.initialize(repeating: .nan)
    if let values { _ = memory.update(from: values) }
  }

  deinit { memory.deallocate() }

  var values: [Scalar] { Array(memory) }

  func view(from column: Int, heads: Int, size: Int = 10) -> HeadView<Scalar> {
    HeadView(
      memory.baseAddress! + column, batch: 1, heads: heads, length: rows, size: size, batchStride: 0,
      headStride: size, tokenStride: columns)
  }

  /// q^U, k^U and v^U if there are any, q^C, k^C and v^C, as ``ProjectionMatrices`` has them.
  func projections(_ mechanism: Mechanism) -> AttentionProjections<Scalar> {
    let start = mechanism.hasLookahead ? 60 : 0
    return AttentionProjections(
      lookahead: mechanism.hasLookahead
        ? .init(qu: view(from: 0, heads: 2), ku: view(from: 20, heads: 2), vu: view(from: 40, heads: 2))
        : nil,
      qc: view(from: start, heads: 4), kc: view(from: start + 40, heads: 2),
      vc: view(from: start + 60, heads: 2))
  }
}
