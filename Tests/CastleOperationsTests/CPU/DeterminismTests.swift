import CastleOperations
import CastleTensors
import Testing

/// The same call gives the same bits, however the threads run.
struct DeterminismTests {
  private static let (rows, columns) = (130, 130)

  /// The results of one call of every operation that adds numbers up, all together.
  private func results(_ machine: Machine) -> [UInt32] {
    let backend = machine.backend
    var source = RandomSource(seed: 1)
    func random(_ columns: Int = Self.columns) -> Matrix {
      backend.matrix(source.normals(Self.rows * columns), columns: columns)
    }
    func vector() -> Matrix { backend.matrix(source.normals(Self.columns)) }
    let (x, y, z, weight, scales, dWeight) = (random(), random(), random(), vector(), vector(), vector())
    let tokens = backend.indices((0..<Self.rows).map { _ in Int.random(in: 0..<5, using: &source) })
    var results: [Float] = []
    func keep(_ matrix: Matrix) { results += backend.values(matrix) }

    backend.multiply(x, transposed: true, y, transposed: false, alpha: 1, beta: 0.5, into: z)
    keep(z)
    backend.rmsNorm(x, adding: y, weight: weight, epsilon: 1e-5, into: z, scales: scales)
    keep(z)
    backend.rmsNormBackward(y, x: x, weight: weight, scales: scales, dx: z, dWeight: dWeight)
    keep(z)
    keep(dWeight)
    backend.embedBackward(y, tokens: tokens, dTable: z)
    keep(z)
    let losses = backend.allocate(Float.self, rowCount: 1, columnCount: Self.rows)
    let sum = backend.crossEntropy(x, targets: tokens, gradientScale: 1, losses: losses)
    keep(x)
    results += [Float(sum.value), Float(backend.sumOfSquares(random(1025)).value)]
    return results.bits
  }

  @Test("the norm's gradients do not depend on threads", arguments: InstructionSet.available)
  func normGradients(instructionSet: InstructionSet) {
    let (rows, columns) = (1000, 130)
    let results = (1...3).map { threads in
      let backend = Machine(instructionSet: instructionSet, threads: threads).backend
      var source = RandomSource(seed: 2)
      let (x, dy, dx) = (
        backend.matrix(source.normals(rows * columns), columns: columns),
        backend.matrix(source.normals(rows * columns), columns: columns),
        backend.matrix(source.normals(rows * columns), columns: columns)
      )
      let weight = backend.matrix(source.normals(columns))
      let dWeight = backend.matrix(source.normals(columns))
      backend.rmsNormBackward(
        dy, x: x, weight: weight, scales: backend.matrix(source.normals(rows)), dx: dx, dWeight: dWeight)
      return (backend.values(dx) + backend.values(dWeight)).bits
    }
    #expect(results[0] == results[1] && results[1] == results[2])
  }

  @Test("repeated calls", arguments: Machine.all)
  func repeated(machine: Machine) {
    let first = results(machine)
    for _ in 0..<4 { #expect(results(machine) == first) }
  }
}
