import CastleOperations
import CastleTensors
import Testing

/// Memory, elementwise operations and the embedding of the CPU backend.
struct MemoryTests {
  @Test("new memory is poisoned, uploads come back", arguments: Shape.all)
  func memory(shape: Shape) {
    let backend = Machine(instructionSet: .best, threads: 2).backend
    let fresh = backend.allocate(Float.self, rowCount: shape.rows, columnCount: shape.columns)
    #expect(backend.values(fresh).allSatisfy { $0.isNaN })
    var source = RandomSource(seed: 1)
    let values = source.normals(shape.count)
    #expect(Window(values, rows: shape.rows, columns: shape.columns, on: backend).values() == values)
    #expect(backend.values(backend.matrix(values, columns: shape.columns)) == values)
  }

  @Test("fill, copy and add, in windows and in whole matrices", arguments: Machine.all, Shape.all)
  func elementwise(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 2)
    let (x, y) = (source.normals(shape.count), source.normals(shape.count))
    let sum = zip(x, y).map { $0 + $1 }
    let window = Window(x, rows: shape.rows, columns: shape.columns, on: backend)
    let target = Window(y, rows: shape.rows, columns: shape.columns, on: backend)
    backend.add(window.matrix, to: target.matrix)
    #expect(target.values() == sum)
    backend.copy(window.matrix, to: target.matrix)
    #expect(target.values() == x)
    backend.fill(target.matrix, with: -2)
    #expect(target.values().allSatisfy { $0 == -2 })

    let whole = backend.matrix(y, columns: shape.columns)
    backend.add(backend.matrix(x, columns: shape.columns), to: whole)
    #expect(backend.values(whole) == sum)
    backend.copy(window.matrix, to: whole)
    #expect(backend.values(whole) == x)
    backend.fill(whole, with: 3)
    #expect(backend.values(whole).allSatisfy { $0 == 3 })
  }

  @Test("embedding and its gradient, tokens repeated", arguments: Machine.all, Shape.all)
  func embedding(machine: Machine, shape: Shape) {
    let backend = machine.backend
    var source = RandomSource(seed: 3)
    let rows = 11
    let table = source.normals(rows * shape.columns)
    let dTable = source.normals(rows * shape.columns)
    let dy = source.normals(shape.count)
    let tokens = (0..<shape.rows).map { _ in Int.random(in: 0..<rows, using: &source) }
    let indices = backend.indices(tokens)
    let target = Window(rows: shape.rows, columns: shape.columns, on: backend)
    backend.embed(
      indices, table: .float32(Window(table, rows: rows, columns: shape.columns, on: backend).matrix),
      into: target.matrix)
    #expect(target.values() == ReferenceOperations.embed(tokens, table: table, columns: shape.columns))

    let gradient = Window(dTable, rows: rows, columns: shape.columns, on: backend)
    backend.embedBackward(
      Window(dy, rows: shape.rows, columns: shape.columns, on: backend).matrix, tokens: indices,
      dTable: gradient.matrix)
    func total<Scalar: FloatingPoint>(_ x: [Scalar], _ y: [Scalar]) -> [Scalar] { zip(x, y).map { $0 + $1 } }
    let naive = ReferenceOperations.embedBackward(dy, tokens: tokens, rows: rows, columns: shape.columns)
    let truth = ReferenceOperations.embedBackward(
      dy.doubles, tokens: tokens, rows: rows, columns: shape.columns)
    expectAccurate(
      gradient.values(), naive: total(dTable, naive), truth: total(dTable.doubles, truth), "dTable")
  }
}
