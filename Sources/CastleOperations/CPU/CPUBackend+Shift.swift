public import CastleAttention
public import CastleTensors

extension CPUBackend {
  /// Mixes each row with the one before it, head by head; see ``Backend``.
  public func shift(
    _ x: Matrix, weights: Matrix, documents: Documents, previous: Matrix, into y: Matrix
  ) {
    let heads = weights.columnCount
    checkShift(x, weights: weights, documents: documents)
    precondition(y.hasShape(of: x) && previous.columnCount == x.columnCount, "shapes do not fit")
    precondition(previous.rowCount == documents.ranges.count, "a row before each document")
    // The row before each row; that of a document's first row is in `previous`.
    var before = (0..<x.rowCount).map { x.hostAddress + ($0 - 1) * x.rowStride }
    for (index, document) in documents.ranges.enumerated() where !document.isEmpty {
      before[document.lowerBound] = previous.hostAddress + index * previous.rowStride
    }
    let size = x.columnCount / heads
    let (own, other) = (weights.hostAddress, weights.hostAddress + weights.rowStride)
    before.withUnsafeBufferPointer { before in
      forEachRows(x.rowCount, columns: x.columnCount) { rows in
        for row in rows {
          let (source, target) = (x.hostAddress + row * x.rowStride, y.hostAddress + row * y.rowStride)
          for head in 0..<heads {
            let (a, b) = (own[head], other[head])
            for column in head * size..<(head + 1) * size {
              target[column] = a * source[column] + b * before[row][column]
            }
          }
        }
      }
    }
  }

  /// Turns `dy` into the gradient of x, and **adds** to `dWeights`; see ``Backend``.
  public func shiftBackward(
    _ dy: Matrix, x: Matrix, weights: Matrix, documents: Documents, dWeights: Matrix
  ) {
    checkShift(x, weights: weights, documents: documents)
    precondition(dy.hasShape(of: x) && dWeights.hasShape(of: weights), "shapes do not fit")
    let size = x.columnCount / weights.columnCount
    // A head is one thread's: its rows go from the first to the last, so that a row is read before it is
    // lost.
    pool.forEach(weights.columnCount) { head in
      let (a, b) = (weights.hostAddress[head], weights.hostAddress[weights.rowStride + head])
      var (ownSum, beforeSum) = (0.0, 0.0)
      for document in documents.ranges {
        for row in document {
          let input = x.hostAddress + row * x.rowStride + head * size
          let gradient = dy.hostAddress + row * dy.rowStride + head * size
          ownSum += Self.dot(gradient, input, size)
          if row > document.lowerBound { beforeSum += Self.dot(gradient, input - x.rowStride, size) }
          if row + 1 < document.upperBound {
            let after = gradient + dy.rowStride
            for column in 0..<size { gradient[column] = a * gradient[column] + b * after[column] }
          } else {
            for column in 0..<size { gradient[column] *= a }
          }
        }
      }
      dWeights.hostAddress[head] += Float(ownSum)
      dWeights.hostAddress[dWeights.rowStride + head] += Float(beforeSum)
    }
  }

  private func checkShift(_ x: Matrix, weights: Matrix, documents: Documents) {
    precondition(weights.rowCount == 2 && weights.columnCount > 0, "weights of own and before")
    precondition(x.columnCount % weights.columnCount == 0, "columns are not whole heads")
    precondition(documents.length == x.rowCount, "documents must cover all rows")
  }

  private static func dot(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ count: Int
  ) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += Double(a[index]) * Double(b[index]) }
    return sum
  }
}
