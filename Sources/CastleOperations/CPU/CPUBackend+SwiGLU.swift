import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// y ← SiLU(gate) · up.
  public func swiGLU(_ gateUp: Matrix, into y: Matrix) {
    precondition(gateUp.columnCount == 2 * y.columnCount && gateUp.rowCount == y.rowCount)
    forEachRows(y.rowCount, columns: y.columnCount) { [kernels] rows in
      kernels.swiglu(
        rows.count, y.columnCount, gateUp.hostAddress + rows.lowerBound * gateUp.rowStride,
        gateUp.rowStride, y.hostAddress + rows.lowerBound * y.rowStride, y.rowStride)
    }
  }

  /// `dGateUp` ← the gradient of `gateUp`, which it may be.
  public func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix) {
    precondition(gateUp.columnCount == 2 * dy.columnCount && dGateUp.columnCount == gateUp.columnCount)
    precondition(gateUp.rowCount == dy.rowCount && dGateUp.rowCount == dy.rowCount)
    forEachRows(dy.rowCount, columns: dy.columnCount) { [kernels] rows in
      let start = rows.lowerBound
      kernels.swiglu_backward(
        rows.count, dy.columnCount, dy.hostAddress + start * dy.rowStride, dy.rowStride,
        gateUp.hostAddress + start * gateUp.rowStride, gateUp.rowStride,
        dGateUp.hostAddress + start * dGateUp.rowStride, dGateUp.rowStride)
    }
  }
}
