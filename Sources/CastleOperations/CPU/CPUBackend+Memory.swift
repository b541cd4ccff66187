import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// New memory without a value.
  public func allocate<Element>(_ type: Element.Type, rowCount: Int, columnCount: Int) -> DeviceMatrix<
    Element
  > {
    let buffer = Buffer.host(byteCount: rowCount * columnCount * MemoryLayout<Element>.stride)
    return DeviceMatrix(buffer: buffer, rowCount: rowCount, columnCount: columnCount)
  }

  /// Copies numbers from the host. Traps if the counts differ.
  public func upload<Element>(_ source: UnsafeBufferPointer<Element>, to target: DeviceMatrix<Element>) {
    precondition(source.count == target.count, "upload of \(source.count) elements to \(target.count)")
    guard let base = source.baseAddress else { return }
    for row in 0..<target.rowCount {
      (target.hostAddress + row * target.rowStride)
        .update(from: base + row * target.columnCount, count: target.columnCount)
    }
  }

  /// Copies numbers to the host, row by row. Traps if the counts differ.
  public func download<Element>(
    _ source: DeviceMatrix<Element>, to target: UnsafeMutableBufferPointer<Element>
  ) {
    precondition(source.count == target.count, "download of \(source.count) elements to \(target.count)")
    guard let base = target.baseAddress else { return }
    for row in 0..<source.rowCount {
      (base + row * source.columnCount)
        .update(from: source.hostAddress + row * source.rowStride, count: source.columnCount)
    }
  }

  /// x ← value.
  public func fill(_ x: Matrix, with value: Float) {
    forEachRuns(x, x) { start, _, count in start.update(repeating: value, count: count) }
  }

  /// y ← x.
  public func copy(_ x: Matrix, to y: Matrix) {
    forEachRuns(x, y) { source, target, count in target.update(from: source, count: count) }
  }

  /// y ← y + x.
  public func add(_ x: Matrix, to y: Matrix) {
    forEachRuns(x, y) { [kernels] source, target, count in kernels.add(count, source, target) }
  }

  /// Calls `body` with runs of adjacent elements that together are two matrices of one shape, on all threads.
  private func forEachRuns(
    _ x: Matrix, _ y: Matrix,
    _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) {
    precondition(x.hasShape(of: y), "matrices of different shapes")
    if x.isContiguous && y.isContiguous {
      pool.forEachRange(
        of: x.count, minimum: Self.grain, partsPerThread: Self.partsPerThread
      ) { range in
        body(x.hostAddress + range.lowerBound, y.hostAddress + range.lowerBound, range.count)
      }
    } else {
      forEachRows(x.rowCount, columns: x.columnCount) { rows in
        for row in rows {
          body(x.hostAddress + row * x.rowStride, y.hostAddress + row * y.rowStride, x.columnCount)
        }
      }
    }
  }
}
