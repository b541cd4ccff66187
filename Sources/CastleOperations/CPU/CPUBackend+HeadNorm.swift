import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// The norm of every head of `x` by itself; see ``Backend``.
  public func rmsNormHeads(_ x: Matrix, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix) {
    let (heads, size) = Self.heads(of: x, weight: weight, scales: scales)
    precondition(y.hasShape(of: x), "shapes do not fit")
    forEachRows(x.rowCount, columns: x.columnCount) { [kernels] rows in
      for row in rows {
        kernels.rms_norm(
          heads, size, x.hostAddress + row * x.rowStride, size, nil, 0, weight.hostAddress, epsilon,
          y.hostAddress + row * y.rowStride, size, scales.hostAddress + row * scales.rowStride)
      }
    }
  }

  /// Overwrites `dx`, which may be `dy`, and adds to `dWeight`; see ``Backend``.
  public func rmsNormHeadsBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    let (heads, size) = Self.heads(of: x, weight: weight, scales: scales)
    precondition(
      dy.hasShape(of: x) && dx.hasShape(of: x) && dWeight.isVector(size), "shapes do not fit")
    let parts = Self.parts(ofRows: x)
    // Of each part its sum for the weight and the gradients of one token, as the kernel adds to what it
    // finds.
    let stride = size + x.columnCount
    scratch.withMemory(for: parts * stride, of: Float.self) { [kernels] partials in
      pool.forEach(parts) { part in
        let partial = partials + part * stride
        let token = partial + size
        partial.update(repeating: 0, count: size)
        for row in x.rowCount * part / parts..<x.rowCount * (part + 1) / parts {
          token.update(repeating: 0, count: x.columnCount)
          kernels.rms_norm_backward(
            heads, size, dy.hostAddress + row * dy.rowStride, size, x.hostAddress + row * x.rowStride, size,
            weight.hostAddress, scales.hostAddress + row * scales.rowStride, token, size, partial)
          (dx.hostAddress + row * dx.rowStride).update(from: token, count: x.columnCount)
        }
      }
      for part in 0..<parts { kernels.add(size, partials + part * stride, dWeight.hostAddress) }
    }
  }

  /// The number and size of heads. Traps if the shapes do not fit.
  private static func heads(of x: Matrix, weight: Matrix, scales: Matrix) -> (count: Int, size: Int) {
    let size = weight.count
    precondition(
      size > 0 && x.columnCount % size == 0 && weight.isVector(size)
        && scales.rowCount == x.rowCount && scales.columnCount == x.columnCount / size,
      "shapes do not fit")
    return (x.columnCount / size, size)
  }
}
