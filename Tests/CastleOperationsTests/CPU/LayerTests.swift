import CastleOperations
import CastleTensors
import Testing

/// Norms, rotary positions and SwiGLU of the CPU backend against the reference.
struct LayerTests {
  @Test("RMSNorm", arguments: Machine.all, Shape.all)
  func rmsNorm(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 1)
    let (x, weight) = (source.normals(shape.count), source.normals(shape.columns))
    let target = Window(rows: shape.rows, columns: shape.columns, on: backend)
    let scales = Window(rows: 1, columns: shape.rows, on: backend)
    let input = Window(x, rows: shape.rows, columns: shape.columns, on: backend)
    backend.rmsNorm(
      input.matrix, adding: nil, weight: backend.matrix(weight), epsilon: 1e-5, into: target.matrix,
      scales: scales.matrix)
    let naive = ReferenceOperations.rmsNorm(x, weight: weight, epsilon: 1e-5)
    let truth = ReferenceOperations.rmsNorm(x.doubles, weight: weight.doubles, epsilon: Double(Float(1e-5)))
    expectAccurate(target.values(), naive: naive.y, truth: truth.y, "y")
    expectAccurate(scales.values(), naive: naive.scales, truth: truth.scales, "scales")
    #expect(input.values() == x)
  }

  @Test("RMSNorm after adding a residual", arguments: Machine.all, Shape.all)
  func rmsNormOfSum(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 2)
    let (x, residual) = (source.normals(shape.count), source.normals(shape.count))
    let sum = zip(x, residual).map { $0 + $1 }
    let weight = source.normals(shape.columns)
    let input = Window(x, rows: shape.rows, columns: shape.columns, on: backend)
    let target = Window(rows: shape.rows, columns: shape.columns, on: backend)
    backend.rmsNorm(
      input.matrix, adding: Window(residual, rows: shape.rows, columns: shape.columns, on: backend).matrix,
      weight: backend.matrix(weight), epsilon: 1e-6, into: target.matrix,
      scales: Window(rows: 1, columns: shape.rows, on: backend).matrix)
    #expect(input.values() == sum)
    expectAccurate(
      target.values(), naive: ReferenceOperations.rmsNorm(sum, weight: weight, epsilon: 1e-6).y,
      truth: ReferenceOperations.rmsNorm(sum.doubles, weight: weight.doubles, epsilon: 1e-6).y, "y")
  }

  @Test("RMSNorm's gradients are added to what is there", arguments: Machine.all, Shape.all)
  func rmsNormBackward(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 3)
    let (x, dy) = (source.normals(shape.count), source.normals(shape.count))
    let (weight, dx, dWeight) = (
      source.normals(shape.columns), source.normals(shape.count), source.normals(shape.columns)
    )
    let scales = ReferenceOperations.rmsNorm(x, weight: weight, epsilon: 1e-5).scales
    func window(_ values: [Float]) -> Window {
      Window(values, rows: values.count / shape.columns, columns: shape.columns, on: backend)
    }
    let (target, weightTarget) = (window(dx), window(dWeight))
    backend.rmsNormBackward(
      window(dy).matrix, x: window(x).matrix, weight: window(weight).matrix, scales: backend.matrix(scales),
      dx: target.matrix, dWeight: weightTarget.matrix)
    let naive = ReferenceOperations.rmsNormBackward(dy, x: x, weight: weight, epsilon: 1e-5)
    let truth = ReferenceOperations.rmsNormBackward(
      dy.doubles, x: x.doubles, weight: weight.doubles, epsilon: Double(Float(1e-5)))
    func sum<Scalar: FloatingPoint>(_ x: [Scalar], _ y: [Scalar]) -> [Scalar] { zip(x, y).map { $0 + $1 } }
    expectAccurate(
      target.values(), naive: sum(dx, naive.dx), truth: sum(dx.doubles, truth.dx), "dx")
    expectAccurate(
      weightTarget.values(), naive: sum(dWeight, naive.dWeight), truth: sum(dWeight.doubles, truth.dWeight),
      "dWeight")
  }

  @Test("the norm of heads and its gradients", arguments: Machine.all, Shape.all)
  func rmsNormHeads(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 6)
    // Rotary positions turn pairs of features.
    let (heads, size) = (3, 2 * shape.columns)
    let columns = heads * size
    let (x, dy) = (source.normals(shape.rows * columns), source.normals(shape.rows * columns))
    let (weight, dWeight) = (source.normals(size), source.normals(size))
    func window(_ values: [Float]) -> Window {
      Window(values, rows: shape.rows, columns: columns, on: backend)
    }
    let target = Window(rows: shape.rows, columns: columns, on: backend)
    let scales = Window(rows: shape.rows, columns: heads, on: backend)
    backend.rmsNormHeads(
      window(x).matrix, weight: backend.matrix(weight), epsilon: 1e-5, into: target.matrix,
      scales: scales.matrix)
    let naive = ReferenceOperations.rmsNorm(x, weight: weight, epsilon: 1e-5)
    let truth = ReferenceOperations.rmsNorm(x.doubles, weight: weight.doubles, epsilon: Double(Float(1e-5)))
    expectAccurate(target.values(), naive: naive.y, truth: truth.y, "y")
    expectAccurate(scales.values(), naive: naive.scales, truth: truth.scales, "scales")

    let upstream = window(dy)
    for gradient in [Window(rows: shape.rows, columns: columns, on: backend), upstream] {
      let sum = Window(dWeight, rows: 1, columns: size, on: backend)
      backend.rmsNormHeadsBackward(
        upstream.matrix, x: window(x).matrix, weight: backend.matrix(weight), scales: scales.matrix,
        dx: gradient.matrix, dWeight: sum.matrix)
      let naive = ReferenceOperations.rmsNormBackward(dy, x: x, weight: weight, epsilon: 1e-5)
      let truth = ReferenceOperations.rmsNormBackward(
        dy.doubles, x: x.doubles, weight: weight.doubles, epsilon: Double(Float(1e-5)))
      expectAccurate(gradient.values(), naive: naive.dx, truth: truth.dx, "dx")
      expectAccurate(
        sum.values(), naive: zip(dWeight, naive.dWeight).map { $0 + $1 },
        truth: zip(dWeight.doubles, truth.dWeight).map { $0 + $1 }, "dWeight")
    }
  }

  @Test("biases and their gradients", arguments: Machine.all, Shape.all)
  func bias(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 7)
    let (y, bias) = (source.normals(shape.count), source.normals(shape.columns))
    let dBias = source.normals(shape.columns)
    let target = Window(y, rows: shape.rows, columns: shape.columns, on: backend)
    backend.add(bias: backend.matrix(bias), toRowsOf: target.matrix)
    #expect(target.values() == ReferenceOperations.add(bias: bias, toRowsOf: y))

    let sum = Window(dBias, rows: 1, columns: shape.columns, on: backend)
    backend.biasBackward(
      Window(y, rows: shape.rows, columns: shape.columns, on: backend).matrix, dBias: sum.matrix)
    func added<Scalar: FloatingPoint>(_ x: [Scalar], _ y: [Scalar]) -> [Scalar] { zip(x, y).map { $0 + $1 } }
    expectAccurate(
      sum.values(), naive: added(dBias, ReferenceOperations.biasBackward(y, columns: shape.columns)),
      truth: added(dBias.doubles, ReferenceOperations.biasBackward(y.doubles, columns: shape.columns)),
      "dBias")
  }

  @Test("rotary positions", arguments: Machine.all, [2, 14, 64, 130])
  func rotate(machine: Machine, headSize: Int) {
    let backend = machine.backend
    var source = RandomSource(seed: 4)
    let (rows, columns) = (33, 3 * headSize)
    let x = source.normals(rows * columns)
    let positions = (0..<rows).map { _ in Int.random(in: 0..<1025, using: &source) }
    let exact = ReferenceOperations.rotaryTable(theta: 10_000.0, headSize: headSize, length: 1025)
    let table = backend.rotaryTable(theta: 10_000, headSize: headSize, length: 1025)
    #expect(backend.values(table) == exact.map(Float.init))
    for inverse in [false, true] {
      let target = Window(x, rows: rows, columns: columns, on: backend)
      backend.rotate(
        target.matrix, headSize: headSize, positions: backend.indices(positions), table: table,
        inverse: inverse)
      func reference<Scalar: FloatingPoint>(
        _ rotate: ([Scalar], Int, [Int], [Scalar], Bool) -> [Scalar], _ x: [Scalar], _ table: [Scalar]
      ) -> [Scalar] { rotate(x, headSize, positions, table, inverse) }
      expectAccurate(
        target.values(), naive: reference(ReferenceOperations.rotate, x, exact.map(Float.init)),
        truth: reference(ReferenceOperations.rotate, x.doubles, exact), "inverse: \(inverse)")
    }
  }

  @Test("rotary tables of any frequencies and magnitude", arguments: Machine.all)
  func rotaryTable(machine: Machine) {
    let frequencies = [1.0, 0.3, 0.0125]
    let table = machine.backend.rotaryTable(frequencies: frequencies, magnitude: 1.25, length: 131)
    let exact = ReferenceOperations.rotaryTable(frequencies: frequencies, magnitude: 1.25, length: 131)
    #expect(machine.backend.values(table) == exact.map(Float.init))
  }

  @Test("SwiGLU and its gradient, in place too", arguments: Machine.all, Shape.all)
  func swiGLU(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 5)
    let (gateUp, dy) = (source.normals(2 * shape.count, scale: 4), source.normals(shape.count))
    let hidden = shape.columns
    let input = Window(gateUp, rows: shape.rows, columns: 2 * hidden, on: backend)
    let target = Window(rows: shape.rows, columns: hidden, on: backend)
    backend.swiGLU(input.matrix, into: target.matrix)
    expectAccurate(
      target.values(), naive: ReferenceOperations.swiGLU(gateUp, hidden: hidden),
      truth: ReferenceOperations.swiGLU(gateUp.doubles, hidden: hidden), "y")

    let upstream = Window(dy, rows: shape.rows, columns: hidden, on: backend)
    let gradient = Window(rows: shape.rows, columns: 2 * hidden, on: backend)
    backend.swiGLUBackward(upstream.matrix, gateUp: input.matrix, dGateUp: gradient.matrix)
    backend.swiGLUBackward(upstream.matrix, gateUp: input.matrix, dGateUp: input.matrix)
    expectAccurate(
      gradient.values(), naive: ReferenceOperations.swiGLUBackward(dy, gateUp: gateUp, hidden: hidden),
      truth: ReferenceOperations.swiGLUBackward(dy.doubles, gateUp: gateUp.doubles, hidden: hidden), "dGateUp"
    )
    #expect(input.values() == gradient.values())
  }
}
