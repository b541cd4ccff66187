import CastleAttention
import CastleOperations
import CastleTensors
import Testing

/// Keys and values mixed with those before, on the CPU backend against the reference.
struct ShiftTests {
  private struct Problem {
    let heads: Int
    let size: Int
    let lengths: [Int]
    let x: [Float]
    let weights: [Float]
    let previous: [Float]

    var columns: Int { heads * size }
    var rows: Int { lengths.reduce(0, +) }
    var documents: Documents { Documents(lengths: lengths)! }

    init(heads: Int, size: Int, lengths: [Int]) {
      var source = RandomSource(seed: UInt64(heads * 100 + size))
      self.heads = heads
      self.size = size
      self.lengths = lengths
      x = source.normals(lengths.reduce(0, +) * heads * size)
      weights = source.normals(2 * heads)
      previous = source.normals(lengths.count * heads * size)
    }
  }

  private static let problems = [(1, 1, [1]), (2, 6, [9, 4, 7]), (14, 24, [300, 1, 211]), (8, 64, [33])]

  private func problem(_ index: Int) -> Problem {
    let (heads, size, lengths) = Self.problems[index]
    return Problem(heads: heads, size: size, lengths: lengths)
  }

  @Test("the shift", arguments: Machine.all, problems.indices)
  func shift(machine: Machine, index: Int) {
    let (backend, problem) = (machine.backend, problem(index))
    let input = Window(problem.x, rows: problem.rows, columns: problem.columns, on: backend)
    let weights = Window(problem.weights, rows: 2, columns: problem.heads, on: backend)
    let previous = Window(
      problem.previous, rows: problem.lengths.count, columns: problem.columns, on: backend)
    let target = Window(rows: problem.rows, columns: problem.columns, on: backend)
    backend.shift(
      input.matrix, weights: weights.matrix, documents: problem.documents, previous: previous.matrix,
      into: target.matrix)
    let naive = ReferenceOperations.shift(
      problem.x, weights: problem.weights, heads: problem.heads, lengths: problem.lengths,
      previous: problem.previous)
    let truth = ReferenceOperations.shift(
      problem.x.doubles, weights: problem.weights.doubles, heads: problem.heads, lengths: problem.lengths,
      previous: problem.previous.doubles)
    expectAccurate(target.values(), naive: naive, truth: truth, "y")
    #expect(input.values() == problem.x)
  }

  @Test("the gradients of the shift", arguments: Machine.all, problems.indices)
  func shiftBackward(machine: Machine, index: Int) {
    let (backend, problem) = (machine.backend, problem(index))
    var source = RandomSource(seed: 7)
    let (dy, before) = (source.normals(problem.x.count), source.normals(2 * problem.heads))
    let gradient = Window(dy, rows: problem.rows, columns: problem.columns, on: backend)
    let dWeights = Window(before, rows: 2, columns: problem.heads, on: backend)
    backend.shiftBackward(
      gradient.matrix, x: Window(problem.x, rows: problem.rows, columns: problem.columns, on: backend).matrix,
      weights: Window(problem.weights, rows: 2, columns: problem.heads, on: backend).matrix,
      documents: problem.documents, dWeights: dWeights.matrix)
    var naive = ReferenceOperations.shiftBackward(
      dy, x: problem.x, weights: problem.weights, heads: problem.heads, lengths: problem.lengths)
    var truth = ReferenceOperations.shiftBackward(
      dy.doubles, x: problem.x.doubles, weights: problem.weights.doubles, heads: problem.heads,
      lengths: problem.lengths)
    for index in before.indices {
      naive.dWeights[index] += before[index]
      truth.dWeights[index] += Double(before[index])
    }
    expectAccurate(gradient.values(), naive: naive.dx, truth: truth.dx, "dx")
    expectAccurate(dWeights.values(), naive: naive.dWeights, truth: truth.dWeights, "dWeights")
  }
}
