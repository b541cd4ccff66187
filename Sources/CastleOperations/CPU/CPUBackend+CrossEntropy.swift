import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// The summed loss; `logits` ← its gradient times `gradientScale`. See ``Backend``.
  public func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float, losses: Matrix
  ) -> DeviceScalar {
    crossEntropy(logits, targets: targets, gradientScale: Optional(gradientScale), losses: losses)
  }

  /// The summed loss alone. See ``Backend``.
  public func crossEntropy(_ logits: Matrix, targets: IndexMatrix, losses: Matrix) -> DeviceScalar {
    crossEntropy(logits, targets: targets, gradientScale: nil, losses: losses)
  }

  private func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float?, losses: Matrix
  ) -> DeviceScalar {
    precondition(
      targets.isVector(logits.rowCount) && losses.isVector(logits.rowCount), "shapes do not fit")
    forEachRows(logits.rowCount, columns: logits.columnCount) { [kernels] rows in
      for row in rows {
        precondition(
          Int(targets.hostAddress[row]) < logits.columnCount,
          "target \(targets.hostAddress[row]) is not in the vocabulary")
      }
      kernels.cross_entropy(
        rows.count, logits.columnCount, logits.hostAddress + rows.lowerBound * logits.rowStride,
        logits.rowStride, targets.hostAddress + rows.lowerBound, gradientScale == nil ? 0 : 1,
        gradientScale ?? 0, losses.hostAddress + rows.lowerBound)
    }
    var sum = 0.0
    for i in 0..<losses.count { sum += Double(losses.hostAddress[i]) }
    return DeviceScalar(sum)
  }
}
