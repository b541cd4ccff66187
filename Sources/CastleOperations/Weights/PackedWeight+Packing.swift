import CastleKernels
package import CastleTensors

extension PackedWeight {
  /// `matrix` in another precision, each number rounded to nearest; the same bits on every processor and any
  /// number of threads. A group of 32 that has NaN or infinity becomes NaN in quantised formats.
  ///
  /// ``WeightFormat/float32`` without gaps between its rows is not copied. Traps if the matrix is empty.
  package init(_ matrix: Matrix, format: WeightFormat, on backend: CPUBackend) {
    precondition(matrix.count > 0, "weights without elements")
    if format == .float32 && matrix.isContiguous {
      self.init(
        unchecked: format, matrix, matrix.buffer, offset: matrix.offset * MemoryLayout<Float>.stride)
      return
    }
    guard
      let valueBytes = format.valueByteCount(
        rowCount: matrix.rowCount, columnCount: matrix.columnCount),
      let scaleCount = format.scaleCount(rowCount: matrix.rowCount, columnCount: matrix.columnCount)
    else { preconditionFailure("weights of a size that no memory holds") }
    let values = Buffer.host(byteCount: valueBytes)
    let scales =
      scaleCount > 0 ? Buffer.host(byteCount: scaleCount * MemoryLayout<UInt16>.stride) : nil
    self.init(unchecked: format, matrix, values, scales: scales)
    Self.pack(matrix, format, values: values, scales: scales, on: backend)
  }

  private init(
    unchecked format: WeightFormat, _ matrix: Matrix, _ values: Buffer, offset: Int = 0, scales: Buffer? = nil
  ) {
    let weight = PackedWeight(
      format: format, rowCount: matrix.rowCount, columnCount: matrix.columnCount, values: values,
      valueOffset: offset, scales: scales)
    guard let weight else { preconditionFailure("weights do not fit their own memory") }
    self = weight
  }

  private static func pack(
    _ matrix: Matrix, _ format: WeightFormat, values: Buffer, scales: Buffer?, on backend: CPUBackend
  ) {
    let kernels = backend.weightKernels
    let columns = matrix.columnCount
    let panel = WeightFormat.panelOutputs
    let panels = WeightFormat.panels(matrix.rowCount)
    let panelBytes = values.byteCount / panels
    let panelScales = WeightFormat.groups(columns) * panel
    backend.pool.forEachRange(of: panels, partsPerThread: CPUBackend.partsPerThread) { range in
      for index in range {
        let rows = panel * index..<min(panel * (index + 1), matrix.rowCount)
        let source = matrix.hostAddress + rows.lowerBound * matrix.rowStride
        let block = values.address.assumingMemoryBound(to: UInt8.self) + index * panelBytes
        let scale = scales.map { $0.address.assumingMemoryBound(to: UInt16.self) + index * panelScales }
        switch format {
        case .float32:
          let target = values.address.assumingMemoryBound(to: Float.self)
          for row in rows {
            let from = matrix.hostAddress + row * matrix.rowStride
            (target + row * columns).update(from: from, count: columns)
          }
        case .bfloat16:
          let target = values.address.assumingMemoryBound(to: UInt16.self)
          for row in rows {
            kernels.narrow(columns, matrix.hostAddress + row * matrix.rowStride, target + row * columns)
          }
        case .int8: kernels.pack_int8(rows.count, columns, source, matrix.rowStride, block, scale)
        case .int4: kernels.pack_int4(rows.count, columns, source, matrix.rowStride, block, scale)
        }
      }
    }
  }
}
