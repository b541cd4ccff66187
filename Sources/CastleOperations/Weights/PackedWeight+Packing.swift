import CastleKernels
public import CastleTensors

extension PackedWeight {
  /// `matrix` in another precision, each number rounded to nearest; the same bits on every processor and any
  /// number of threads. A group of 32 that has NaN or infinity becomes NaN in quantized formats.
  ///
  /// ``WeightFormat/float32`` without gaps between its rows is not copied. Traps if the matrix is empty.
  public init(_ matrix: Matrix, format: WeightFormat, on backend: CPUBackend) {
    precondition(matrix.count > 0, "weights without elements")
    if format == .float32 && matrix.isContiguous {
      let weight = PackedWeight(
        format: format, rowCount: matrix.rowCount, columnCount: matrix.columnCount, values: matrix.buffer,
        valueOffset: matrix.offset * MemoryLayout<Float>.stride)
      guard let weight else { preconditionFailure("weights do not fit their own memory") }
      self = weight
      return
    }
    let bytes = format.byteCounts(rowCount: matrix.rowCount, columnCount: matrix.columnCount)
    guard let bytes else { preconditionFailure("weights of a size that no memory holds") }
    let weight = PackedWeight(
      format: format, rowCount: matrix.rowCount, columnCount: matrix.columnCount,
      values: Buffer.host(byteCount: bytes.values),
      scales: bytes.scales > 0 ? Buffer.host(byteCount: bytes.scales) : nil)
    guard let weight else { preconditionFailure("weights do not fit their own memory") }
    self = weight
    write(matrix, at: 0, on: backend)
  }

  /// Overwrites the outputs from `row` on with `matrix`, rounded as ``init(_:format:on:)`` does. The memory
  /// must be the caller's own.
  ///
  /// Traps if `row` does not begin a panel of 16, or the rows end within one before the last.
  package func write(_ matrix: Matrix, at row: Int, on backend: CPUBackend) {
    let panel = WeightFormat.panelOutputs
    let end = row + matrix.rowCount
    precondition(
      matrix.columnCount == columnCount && row >= 0 && row.isMultiple(of: panel) && end <= rowCount
        && (end == rowCount || end.isMultiple(of: panel)), "rows do not fit the weights")
    backend.pool.forEachRange(
      of: WeightFormat.panels(matrix.rowCount), partsPerThread: CPUBackend.partsPerThread
    ) { range in
      for index in range {
        let rows = panel * index..<min(panel * (index + 1), matrix.rowCount)
        write(matrix.rows(rows), at: row + rows.lowerBound, backend.weightKernels)
      }
    }
  }

  /// Overwrites some outputs of one panel.
  private func write(_ matrix: Matrix, at row: Int, _ kernels: castle_weight_kernels) {
    switch format {
    case .float32:
      for i in 0..<matrix.rowCount {
        mutableRow(Float.self, row + i)
          .update(from: matrix.hostAddress + i * matrix.rowStride, count: columnCount)
      }
    case .bfloat16:
      for i in 0..<matrix.rowCount {
        kernels.narrow(
          columnCount, matrix.hostAddress + i * matrix.rowStride, mutableRow(UInt16.self, row + i))
      }
    case .int8, .int4:
      let panels = panels(from: row / WeightFormat.panelOutputs)
      let pack = format == .int8 ? kernels.pack_int8 : kernels.pack_int4
      pack?(
        matrix.rowCount, columnCount, matrix.hostAddress, matrix.rowStride,
        UnsafeMutablePointer(mutating: panels.blocks), UnsafeMutablePointer(mutating: panels.scales))
    }
  }

  private func mutableRow<Element>(_ type: Element.Type, _ row: Int) -> UnsafeMutablePointer<Element> {
    UnsafeMutablePointer(mutating: rows(type)) + row * columnCount
  }
}

extension WeightFormat {
  /// The bytes of the values and of the scales of a matrix; nil if it is empty or there is no such number.
  package func byteCounts(rowCount: Int, columnCount: Int) -> (values: Int, scales: Int)? {
    guard let values = valueByteCount(rowCount: rowCount, columnCount: columnCount),
      let scales = scaleCount(rowCount: rowCount, columnCount: columnCount)
    else { return nil }
    let (bytes, overflow) = scales.multipliedReportingOverflow(by: MemoryLayout<UInt16>.stride)
    return overflow ? nil : (values, bytes)
  }
}
