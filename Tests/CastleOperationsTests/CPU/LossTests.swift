import CastleOperations
import CastleTensors
import Testing

/// The loss of the CPU backend against the reference.
struct LossTests {
  private struct Outcome {
    var sum: Double
    var losses: [Float]
    var logits: [Float]
  }

  private func run(
    _ logits: [Float], targets: [Int], gradientScale: Float?, on machine: Machine
  ) -> Outcome {
    let backend = machine.backend
    let columns = logits.count / targets.count
    let window = Window(logits, rows: targets.count, columns: columns, on: backend)
    let losses = Window(rows: 1, columns: targets.count, on: backend)
    let indices = backend.indices(targets)
    let sum =
      gradientScale.map {
        backend.crossEntropy(window.matrix, targets: indices, gradientScale: $0, losses: losses.matrix)
      } ?? backend.crossEntropy(window.matrix, targets: indices, losses: losses.matrix)
    return Outcome(sum: sum.value, losses: losses.values(), logits: window.values())
  }

  @Test("losses and gradients, some targets left out", arguments: Machine.all, Shape.all)
  func agrees(machine: Machine, shape: Shape) {
    var source = RandomSource(seed: 1)
    let logits = source.normals(shape.count, scale: 3)
    let targets = (0..<shape.rows).map { _ in Int.random(in: -1..<shape.columns, using: &source) }
    let naive = ReferenceOperations.crossEntropy(logits, targets: targets)
    let truth = ReferenceOperations.crossEntropy(logits.doubles, targets: targets)
    let outcome = run(logits, targets: targets, gradientScale: 0.25, on: machine)
    expectAccurate(outcome.losses, naive: naive.losses, truth: truth.losses, "losses")
    expectAccurate(
      outcome.logits, naive: naive.gradient.map { 0.25 * $0 }, truth: truth.gradient.map { 0.25 * $0 },
      "gradient")
    #expect(abs(outcome.sum - outcome.losses.doubles.reduce(0, +)) <= 1e-12 * abs(outcome.sum))
    for (row, target) in targets.enumerated() where target < 0 {
      let gradient = outcome.logits[row * shape.columns..<(row + 1) * shape.columns]
      #expect(outcome.losses[row] == 0 && gradient.allSatisfy { $0 == 0 })
    }

    let lossesAlone = run(logits, targets: targets, gradientScale: nil, on: machine)
    #expect(lossesAlone.losses == outcome.losses && lossesAlone.logits == logits)
  }

  @Test("a large constant in all logits costs no accuracy", arguments: Machine.all)
  func offset(machine: Machine) {
    var source = RandomSource(seed: 2)
    let logits = source.normals(65 * 130).map { $0 + 8192 }
    let targets = (0..<65).map { $0 * 2 }
    let outcome = run(logits, targets: targets, gradientScale: 1, on: machine)
    let truth = ReferenceOperations.crossEntropy(logits.doubles, targets: targets)
    expectAccurate(
      outcome.losses, naive: ReferenceOperations.crossEntropy(logits, targets: targets).losses,
      truth: truth.losses, "losses")
  }

  @Test("logits of plus and minus 10 000", arguments: Machine.all)
  func extremes(machine: Machine) {
    let columns = 65
    var logits = [Float](repeating: -1e4, count: 3 * columns)
    logits[5] = 1e4
    logits[columns + 5] = 1e4
    let outcome = run(logits, targets: [5, 6, 0], gradientScale: 1, on: machine)
    #expect(outcome.losses[0] == 0)
    #expect(outcome.losses[1] == 2e4)
    #expect(abs(outcome.losses[2] - 4.174387) < 1e-5)
    #expect(outcome.logits[5] == 0)
    #expect(outcome.logits[columns + 5] == 1 && outcome.logits[columns + 6] == -1)
    #expect(outcome.logits.allSatisfy { $0.isFinite })
  }

  @Test("NaN in a row makes that row NaN and no other", arguments: Machine.all, [0, 31, 64])
  func notANumber(machine: Machine, place: Int) {
    var source = RandomSource(seed: 3)
    var logits = source.normals(3 * 65)
    logits[65 + place] = .nan
    let outcome = run(logits, targets: [1, 2, 3], gradientScale: 1, on: machine)
    #expect(outcome.losses[0].isFinite && outcome.losses[1].isNaN && outcome.losses[2].isFinite)
    #expect(outcome.sum.isNaN)
    #expect(outcome.logits[65..<130].allSatisfy { $0.isNaN })
    #expect((outcome.logits[..<65] + outcome.logits[130...]).allSatisfy { $0.isFinite })
  }
}
