import CastleAttention
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// A module without access to the package's internals brings a backend of its own.
struct StubBackendTests {
  @Test("its product is that of the reference, in memory of its own")
  func product() {
    let backend = StubBackend()
    var source = RandomSource(seed: 1)
    func matrix(_ rows: Int, _ columns: Int) -> (values: [Float], matrix: Matrix) {
      let values = (0..<rows * columns).map { _ in source.nextNormal() }
      let matrix = backend.allocate(Float.self, rowCount: rows, columnCount: columns)
      values.withUnsafeBufferPointer { backend.upload($0, to: matrix) }
      return (values, matrix)
    }
    let (x, weight) = (matrix(5, 7), matrix(3, 7))
    let y = backend.allocate(Float.self, rowCount: 5, columnCount: 3)
    backend.multiply(x.matrix, by: .float32(weight.matrix), into: y)
    var result = [Float](repeating: .nan, count: 15)
    result.withUnsafeMutableBufferPointer { backend.download(y, to: $0) }
    let expected = ReferenceOperations.product(
      x.values, transposed: false, weight.values, transposed: true, rows: 5, columns: 3, depth: 7, alpha: 1,
      beta: 0, [])
    #expect(result == expected && backend.products == 1)
  }

  @Test("a model runs on it and gives what it gives on the reference")
  func model() throws {
    let configuration = ModelConfiguration(
      vocabularySize: 11, layerCount: 2, hiddenSize: 12, intermediateSize: 10,
      heads: HeadLayout(queryHeads: 2, kvHeads: 1, headSize: 4), mechanism: .castle)
    let stub = StubBackend()
    func logits(_ backend: any Backend) throws -> [Float] {
      try LanguageModel(configuration, backend: backend, seed: 1).logits([3, 1, 4, 1, 5])
    }
    let (found, expected) = (try logits(stub), try logits(ReferenceBackend<Float>()))
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    // Four products a layer, and the head.
    #expect(stub.products == 2 * 4 + 1)
  }
}
