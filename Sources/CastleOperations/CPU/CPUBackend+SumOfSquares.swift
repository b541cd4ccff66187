import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// Σ x², in an order that depends on the shape alone.
  public func sumOfSquares(_ x: Matrix) -> DeviceScalar { DeviceScalar(squares(x)) }

  private func squares(_ x: Matrix) -> Double {
    guard x.isContiguous else {
      return (0..<x.rowCount).reduce(0) { $0 + squares(x.rows($1..<$1 + 1)) }
    }
    let chunk = 1 << 16
    let chunks = (x.count + chunk - 1) / chunk
    return scratch.withMemory(for: chunks, of: Double.self) { [kernels] sums in
      pool.forEach(chunks) { index in
        let start = index * chunk
        sums[index] = kernels.sum_of_squares(min(chunk, x.count - start), x.hostAddress + start)
      }
      return (0..<chunks).reduce(0) { $0 + sums[$1] }
    }
  }
}
