import CastleFormats
package import CastleOperations
package import CastleTensors

/// Compares a product with packed weights with the same product in double precision, and each row's bits with
/// those of the row alone, before products are timed.
package struct WeightCheck {
  package let weight: PackedWeight
  package let backend: CPUBackend

  /// Larger products are checked at this many outputs from all over the matrix.
  private static let outputs = 64

  /// x in 8 bits is off by about half a percent, as a root mean square.
  private static let quantizedError = 0.01

  /// Bundles the parts.
  package init(weight: PackedWeight, backend: CPUBackend) {
    self.weight = weight
    self.backend = backend
  }

  /// Throws if the product with `x` is wrong; `y` has room for it.
  package func run(_ x: Matrix, into y: Matrix) throws {
    backend.multiply(x, by: weight, into: y)
    let (values, naive, truth) = samples(x, y)
    let budget = ErrorBudget(values, naive: naive, truth: truth, metric: .rootMeanSquare)
    let limit = weight.format.isQuantized ? Self.quantizedError : budget.limit
    guard budget.error <= limit else {
      throw InputError(
        "products with \(weight.format.rawValue) weights are wrong: relative error \(budget.error), "
          + "allowed \(limit); they are not timed")
    }
    guard weight.format.isQuantized || x.rowCount <= CPUBackend.weightRows else { return }
    let alone = backend.allocate(Float.self, rowCount: 1, columnCount: y.columnCount)
    for row in 0..<x.rowCount {
      backend.multiply(x.rows(row..<row + 1), by: weight, into: alone)
      let among = y.hostAddress + row * y.rowStride
      for output in 0..<y.columnCount
      where among[output].bitPattern != alone.hostAddress[output].bitPattern {
        throw InputError(
          "products with \(weight.format.rawValue) weights depend on the number of rows: row \(row), output "
            + "\(output); they are not timed")
      }
    }
  }

  /// Some elements of y, as they are, computed in order in single precision, and in double precision.
  private func samples(_ x: Matrix, _ y: Matrix) -> ([Float], [Float], [Double]) {
    var result: ([Float], [Float], [Double]) = ([], [], [])
    var weights = [Float](repeating: 0, count: weight.columnCount)
    let count = min(weight.rowCount, Self.outputs)
    for sample in 0..<count {
      let output = (weight.rowCount - 1) * sample / max(count - 1, 1)
      weights.withUnsafeMutableBufferPointer { buffer in
        if let address = buffer.baseAddress { weight.unpack(row: output, into: address) }
      }
      for row in 0..<x.rowCount {
        let inputs = UnsafeBufferPointer(start: x.hostAddress + row * x.rowStride, count: x.columnCount)
        result.0.append(y.hostAddress[row * y.rowStride + output])
        result.1.append(zip(inputs, weights).reduce(0) { $0 + $1.0 * $1.1 })
        result.2.append(zip(inputs, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) })
      }
    }
    return result
  }
}
