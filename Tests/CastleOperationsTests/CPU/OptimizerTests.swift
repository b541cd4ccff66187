import CastleOperations
import CastleTensors
import Testing

/// The optimizer and the reductions of the CPU backend.
struct OptimizerTests {
  static let counts = [1, 7, 63, 65, 130, 1025, 16_901]

  private static func step(_ number: Int) -> AdamWStep {
    AdamWStep(
      learningRate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, gradientScale: 0.5,
      number: number)
  }

  @Test("three steps of AdamW", arguments: Machine.all, counts)
  func adamW(machine: Machine, count: Int) {
    let backend = machine.backend
    var source = RandomSource(seed: 1)
    let start = source.normals(count)
    let zeros = [Float](repeating: 0, count: count)
    let (weights, first, second) = (backend.matrix(start), backend.matrix(zeros), backend.matrix(zeros))
    var naive = (weights: start, first: zeros, second: zeros)
    var truth = (weights: start.doubles, first: zeros.doubles, second: zeros.doubles)
    for number in 1...3 {
      let gradients = source.normals(count)
      let step = Self.step(number)
      backend.adamW(
        weights, gradients: backend.matrix(gradients), firstMoments: first, secondMoments: second, step: step)
      ReferenceOperations.adamW(
        weights: &naive.weights, gradients: gradients, firstMoments: &naive.first,
        secondMoments: &naive.second, step: step)
      ReferenceOperations.adamW(
        weights: &truth.weights, gradients: gradients.doubles, firstMoments: &truth.first,
        secondMoments: &truth.second, step: step)
    }
    expectAccurate(backend.values(weights), naive: naive.weights, truth: truth.weights, "weights")
    expectAccurate(backend.values(first), naive: naive.first, truth: truth.first, "first moments")
    expectAccurate(backend.values(second), naive: naive.second, truth: truth.second, "second moments")
  }

  @Test("a small decay does not drown in rounding", arguments: Machine.all)
  func smallDecay(machine: Machine) {
    let backend = machine.backend
    let zeros = [Float](repeating: 0, count: 33)
    let weights = backend.matrix([Float](repeating: 1, count: 33))
    var step = Self.step(1)
    step.learningRate = 1e-3
    backend.adamW(
      weights, gradients: backend.matrix(zeros), firstMoments: backend.matrix(zeros),
      secondMoments: backend.matrix(zeros), step: step)
    let truth = Float(1 - Double(step.learningRate) * Double(step.weightDecay))
    #expect(backend.values(weights).allSatisfy { $0 == truth })
  }

  @Test("AdamW with zero, denormal, huge and NaN gradients", arguments: Machine.all)
  func extremes(machine: Machine) {
    let backend = machine.backend
    let gradients: [Float] = [0, Float(bitPattern: 700), 1e15, -1e15, .nan, 1]
    let weights = backend.matrix([Float](repeating: 1, count: gradients.count))
    let first = backend.matrix([Float](repeating: 0, count: gradients.count))
    let second = backend.matrix([Float](repeating: 0, count: gradients.count))
    backend.adamW(
      weights, gradients: backend.matrix(gradients), firstMoments: first, secondMoments: second,
      step: Self.step(1))
    func reference<Scalar: FloatingPoint>(
      _ adamW: (inout [Scalar], [Scalar], inout [Scalar], inout [Scalar], AdamWStep) -> Void,
      _ gradients: [Scalar]
    ) -> [Scalar] {
      var weights = [Scalar](repeating: 1, count: gradients.count)
      var (first, second) = (weights.map { _ in Scalar(0) }, weights.map { _ in Scalar(0) })
      adamW(&weights, gradients, &first, &second, Self.step(1))
      return weights.filter { !$0.isNaN }
    }
    let values = backend.values(weights)
    #expect(values[4].isNaN)
    expectAccurate(
      values.filter { !$0.isNaN },
      naive: reference(ReferenceOperations.adamW, gradients),
      truth: reference(ReferenceOperations.adamW, gradients.doubles), "weights")
  }

  /// How far two sums of the squares of `x` in double precision can lie apart: each addition rounds once, and
  /// squares of floats are exact.
  private static func roundingBound(_ x: [Float]) -> Double {
    Double(x.count) * Double.ulpOfOne * ReferenceOperations.sumOfSquares(x.doubles)
  }

  @Test(
    "the sum of squares does not depend on threads", arguments: InstructionSet.available, counts + [200_001])
  func sumOfSquares(instructionSet: InstructionSet, count: Int) {
    var source = RandomSource(seed: 2)
    let x = source.normals(count)
    let truth = ReferenceOperations.sumOfSquares(x.doubles)
    let sums = (1...3).map { threads in
      let backend = Machine(instructionSet: instructionSet, threads: threads).backend
      return backend.sumOfSquares(backend.matrix(x)).value
    }
    #expect(sums[0] == sums[1] && sums[1] == sums[2])
    #expect(abs(sums[0] - truth) <= Self.roundingBound(x))
  }

  @Test("squares beyond single precision", arguments: Machine.all, [1e-30, 1e25] as [Float])
  func squaresBeyondSinglePrecision(machine: Machine, scale: Float) {
    let backend = machine.backend
    var source = RandomSource(seed: 4)
    let x = source.normals(1025, scale: scale)
    let truth = ReferenceOperations.sumOfSquares(x.doubles)
    #expect(abs(backend.sumOfSquares(backend.matrix(x)).value - truth) <= Self.roundingBound(x))
  }

  @Test("the sum of squares of a window", arguments: Machine.all, Shape.all)
  func sumOfSquaresOfWindow(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 3)
    let x = source.normals(shape.count)
    let sum = backend.sumOfSquares(
      Window(x, rows: shape.rows, columns: shape.columns, on: backend).matrix
    ).value
    let truth = ReferenceOperations.sumOfSquares(x.doubles)
    #expect(abs(sum - truth) <= Self.roundingBound(x))
    #expect(backend.sumOfSquares(backend.matrix([1, .nan, 2])).value.isNaN)
  }
}
