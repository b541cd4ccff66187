import CastleOperations
import CastleTensors

/// A backend of another module: memory and products of its own, everything else by the reference. It uses
/// nothing but what CastleOperations and CastleTensors make public.
final class StubBackend: ForwardingBackend {
  let inner: any Backend = ReferenceBackend<Float>()
  let summary = "stub"
  private(set) var products = 0

  func allocate<Element>(
    _ type: Element.Type, rowCount: Int, columnCount: Int
  ) -> DeviceMatrix<Element> {
    let byteCount = rowCount * columnCount * MemoryLayout<Element>.stride
    let address = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: Buffer.alignment)
    let buffer = Buffer(address: address, byteCount: byteCount) { $0.deallocate() }
    return DeviceMatrix(buffer: buffer, rowCount: rowCount, columnCount: columnCount)
  }

  func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    let w: Matrix
    switch weight {
    case .float32(let matrix): w = matrix
    case .packed: preconditionFailure("this backend does not read packed weights")
    }
    precondition(y.rowCount == x.rowCount && y.columnCount == w.rowCount && x.columnCount == w.columnCount)
    products += 1
    for row in 0..<y.rowCount {
      for column in 0..<y.columnCount {
        let (a, b) = (x.hostAddress + row * x.rowStride, w.hostAddress + column * w.rowStride)
        var sum: Float = 0
        for k in 0..<x.columnCount { sum += a[k] * b[k] }
        y.hostAddress[row * y.rowStride + column] = sum
      }
    }
  }
}
