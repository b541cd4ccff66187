import CastleOperations
import CastleTensors
import Testing

/// Matrix products of the CPU backend against the reference.
struct ProductTests {
  /// The sizes of a product: (m, k) times (k, n).
  struct Sizes: Sendable, CustomStringConvertible {
    var m: Int
    var n: Int
    var k: Int

    var description: String { "\(m) x \(k) x \(n)" }
  }

  /// α and β.
  struct Factors: Sendable, CustomStringConvertible {
    var alpha: Float
    var beta: Float

    var description: String { "alpha \(alpha), beta \(beta)" }
  }

  static let sizes = [
    Sizes(m: 1, n: 1, k: 1), Sizes(m: 1, n: 130, k: 65), Sizes(m: 1, n: 1025, k: 130),
    Sizes(m: 7, n: 63, k: 1), Sizes(m: 65, n: 7, k: 130), Sizes(m: 130, n: 65, k: 63),
    Sizes(m: 63, n: 130, k: 65), Sizes(m: 1025, n: 1, k: 7), Sizes(m: 33, n: 7, k: 1025),
    Sizes(m: 3, n: 700, k: 300), Sizes(m: 8, n: 513, k: 130), Sizes(m: 9, n: 130, k: 257),
  ]

  static let factors = [
    Factors(alpha: 1, beta: 0), Factors(alpha: 1, beta: 1), Factors(alpha: -0.5, beta: 0.25),
  ]

  @Test("all four transpositions, one to three threads", arguments: sizes, factors)
  func product(sizes: Sizes, factors: Factors) {
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
      var source = RandomSource(seed: 1)
      let (m, n, k) = (sizes.m, sizes.n, sizes.k)
      let (a, b, c) = (source.normals(m * k), source.normals(k * n), source.normals(m * n))
      let naive = ReferenceOperations.product(
        a, transposed: transposeA, b, transposed: transposeB, rows: m, columns: n, depth: k,
        alpha: factors.alpha, beta: factors.beta, c)
      let truth = ReferenceOperations.product(
        a.doubles, transposed: transposeA, b.doubles, transposed: transposeB, rows: m, columns: n, depth: k,
        alpha: Double(factors.alpha), beta: Double(factors.beta), c.doubles)
      for threads in 1...3 {
        let backend = Machine(instructionSet: .best, threads: threads).backend
        let target = Window(factors.beta == 0 ? nil : c, rows: m, columns: n, on: backend)
        backend.multiply(
          Window(a, rows: transposeA ? k : m, columns: transposeA ? m : k, on: backend).matrix,
          transposed: transposeA,
          Window(b, rows: transposeB ? n : k, columns: transposeB ? k : n, on: backend).matrix,
          transposed: transposeB, alpha: factors.alpha, beta: factors.beta, into: target.matrix)
        expectAccurate(
          target.values(), naive: naive, truth: truth,
          "transposed \(transposeA) \(transposeB), \(threads) threads")
      }
    }
  }

  @Test("a depth of zero leaves beta times the target", arguments: [1, 5])
  func emptyDepth(rows: Int) {
    let backend = Machine(instructionSet: .best, threads: 2).backend
    let target = Window([Float](repeating: 3, count: rows * 4), rows: rows, columns: 4, on: backend)
    let a = backend.allocate(Float.self, rowCount: rows, columnCount: 0)
    let b = backend.allocate(Float.self, rowCount: 0, columnCount: 4)
    backend.multiply(a, transposed: false, b, transposed: false, alpha: 1, beta: 0.5, into: target.matrix)
    #expect(target.values() == [Float](repeating: 1.5, count: rows * 4))
    backend.multiply(a, transposed: false, b, transposed: false, alpha: 1, beta: 0, into: target.matrix)
    #expect(target.values() == [Float](repeating: 0, count: rows * 4))
  }
}
