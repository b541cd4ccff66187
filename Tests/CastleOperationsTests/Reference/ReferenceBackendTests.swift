import CastleAttention
import CastleOperations
import CastleTensors
import Testing

/// What a backend that computes in double precision and stores single precision promises.
struct ReferenceBackendTests {
  private let backend = ReferenceBackend<Double>()

  private func matrix(_ values: [Float], columns: Int) -> Matrix {
    let matrix = backend.allocate(Float.self, rowCount: values.count / columns, columnCount: columns)
    values.withUnsafeBufferPointer { backend.upload($0, to: matrix) }
    return matrix
  }

  private func values(_ matrix: Matrix) -> [Float] {
    var values = [Float](repeating: 0, count: matrix.count)
    values.withUnsafeMutableBufferPointer { backend.download(matrix, to: $0) }
    return values
  }

  /// With x = 1 and scales of 1/2, each row adds half its dy to the weight's gradient.
  @Test("RMSNorm's weight gradient is rounded once, not after every row")
  func weightGradient() {
    let rows = 9
    let ones = [Float](repeating: 1, count: rows)
    let (dx, dWeight) = (matrix(ones, columns: 1), matrix([0], columns: 1))
    backend.rmsNormBackward(
      matrix([0x1p25] + ones.dropFirst(), columns: 1), x: matrix(ones, columns: 1),
      weight: matrix([1], columns: 1), scales: matrix(ones.map { $0 / 2 }, columns: rows), dx: dx,
      dWeight: dWeight)
    #expect(values(dWeight) == [0x1p24 + 4])
  }

  @Test("causal attention leaves gradients of projections alone that it does not read")
  func unusedGradients() {
    let (rows, layout) = (5, HeadLayout(queryHeads: 2, kvHeads: 1, headSize: 2))
    var source = RandomSource(seed: 1)
    func projections(_ values: [Float]) -> ProjectionMatrices {
      ProjectionMatrices(fused: matrix(values, columns: 14), layout: layout, hasLookahead: true)
    }
    let x = projections(source.normals(rows * 14))
    for backend: any Backend in [backend, CPUBackend(threads: 1)] {
      let gradients = projections([Float](repeating: 7, count: rows * 14))
      let (output, dOutput) = (
        matrix(source.normals(rows * 4), columns: 4), matrix(source.normals(rows * 4), columns: 4)
      )
      let logSumExp = matrix(source.normals(2 * rows), columns: rows)
      backend.attention(
        x, mechanism: .causal, documents: Documents(length: rows), output: output, logSumExp: logSumExp,
        lookaheadKeys: nil
      )
      backend.attentionBackward(
        dOutput, x, mechanism: .causal, documents: Documents(length: rows), output: output,
        logSumExp: logSumExp,
        lookaheadKeys: nil, gradients: gradients)
      for unused in [gradients.lookahead?.qu, gradients.lookahead?.ku, gradients.lookahead?.vu] {
        #expect(unused.map { values($0).allSatisfy { $0 == 7 } } == true)
      }
      for used in [gradients.qc, gradients.kc, gradients.vc] {
        #expect(values(used).allSatisfy { $0.isFinite && $0 != 7 })
      }
    }
  }
}
