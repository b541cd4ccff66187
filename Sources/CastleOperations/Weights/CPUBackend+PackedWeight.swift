import CastleKernels
package import CastleTensors

extension CPUBackend {
  /// Up to this many rows, products read weights once and sum in an order of their own;
  /// ``WeightFormat/float32`` and ``WeightFormat/bfloat16`` go through BLAS above.
  package static let weightRows = 16

  /// y ← x Wᵀ, (rows, inputs) to (rows, outputs). Traps if the shapes do not fit.
  ///
  /// Up to ``weightRows`` rows, and for quantized formats always, a row of y has the same bits alone and
  /// among others, and for any number of threads. Quantized formats round x to 8 bits, with a scale for each
  /// row and 32 inputs.
  package func multiply(_ x: Matrix, by weight: PackedWeight, into y: Matrix) {
    precondition(
      x.columnCount == weight.columnCount && y.columnCount == weight.rowCount && y.rowCount == x.rowCount,
      "shapes of a product do not fit")
    guard x.rowCount > 0 else { return }
    switch weight.format {
    case .float32:
      let matrix = UnsafePointer(weight.rows(Float.self))
      if x.rowCount <= Self.weightRows {
        multiplyFewRows(x, byFloat32: weight, into: y)
      } else if let whole = weight.matrix {
        multiply(x, transposed: false, whole, transposed: true, alpha: 1, beta: 0, into: y)
      } else {
        forEachSlice(of: weight) { outputs, _ in
          self.multiply(x, matrix + outputs.lowerBound * weight.columnCount, outputs, into: y)
        }
      }
    case .bfloat16:
      if x.rowCount <= Self.weightRows {
        multiplyFewRows(x, byBFloat16: weight, into: y)
      } else {
        multiplyManyRows(x, byBFloat16: weight, into: y)
      }
    case .int8, .int4: multiply(x, byPanels: weight, into: y)
    }
  }

  // MARK: Rows of weights

  private func multiplyFewRows(_ x: Matrix, byFloat32 weight: PackedWeight, into y: Matrix) {
    let columns = weight.columnCount
    func run(_ x: UnsafePointer<Float>, stride: Int, rows: Int) {
      forEachOutputs(of: weight) { [weightKernels] outputs in
        weightKernels.float32(
          outputs.count, columns, weight.rows(Float.self) + outputs.lowerBound * columns, columns, rows, x,
          stride, y.hostAddress + outputs.lowerBound, y.rowStride)
      }
    }
    let line = Buffer.alignment / MemoryLayout<Float>.stride
    guard x.rowCount > 1 && !x.rowStride.isMultiple(of: line) else {
      return run(x.hostAddress, stride: x.rowStride, rows: x.rowCount)
    }
    // Vectors of rows that begin on no cache line would be read from two.
    let stride = (columns + line - 1) / line * line
    scratch.withMemory(for: x.rowCount * stride, of: Float.self) { aligned in
      for row in 0..<x.rowCount {
        (aligned + row * stride).update(from: x.hostAddress + row * x.rowStride, count: columns)
      }
      run(aligned, stride: stride, rows: x.rowCount)
    }
  }

  private func multiplyFewRows(_ x: Matrix, byBFloat16 weight: PackedWeight, into y: Matrix) {
    let columns = weight.columnCount
    let multiple = weightKernels.split_multiple
    let splitRow = (columns + multiple - 1) / multiple * multiple
    scratch.withMemory(for: x.rowCount * splitRow, of: Float.self) { [weightKernels] split in
      forEachRows(x.rowCount, columns: columns) { rows in
        for row in rows {
          weightKernels.split(columns, x.hostAddress + row * x.rowStride, split + row * splitRow)
        }
      }
      forEachOutputs(of: weight) { outputs in
        weightKernels.bfloat16(
          outputs.count, columns, weight.rows(UInt16.self) + outputs.lowerBound * columns, columns,
          x.rowCount,
          split, splitRow, y.hostAddress + outputs.lowerBound, y.rowStride)
      }
    }
  }

  /// Weights are widened slice by slice, in memory of each thread.
  private func multiplyManyRows(_ x: Matrix, byBFloat16 weight: PackedWeight, into y: Matrix) {
    let columns = weight.columnCount
    let room = Self.sliceOutputs(of: weight) * columns
    scratch.withMemory(for: pool.threadCount * room, of: Float.self) { [weightKernels] memory in
      forEachSlice(of: weight) { outputs, thread in
        let slice = memory + thread * room
        weightKernels.widen(
          outputs.count * columns, weight.rows(UInt16.self) + outputs.lowerBound * columns, slice)
        self.multiply(x, slice, outputs, into: y)
      }
    }
  }

  /// Some outputs of x Wᵀ through BLAS; `weights` are their rows.
  private func multiply(_ x: Matrix, _ weights: UnsafePointer<Float>, _ outputs: Range<Int>, into y: Matrix) {
    BLAS.multiply(
      x.hostAddress, stride: x.rowStride, transposed: false, weights, stride: x.columnCount, transposed: true,
      m: x.rowCount, n: outputs.count, k: x.columnCount, alpha: 1, beta: 0,
      into: y.hostAddress + outputs.lowerBound, stride: y.rowStride)
  }

  /// Numbers of a slice of weights that BLAS takes at a time.
  private static let slice = 256 * 1_024

  private static func sliceOutputs(of weight: PackedWeight) -> Int {
    let panel = WeightFormat.panelOutputs
    return min(weight.rowCount, max(panel, slice / weight.columnCount / panel * panel))
  }

  /// Calls `body` with slices of outputs that the shape of the weights alone decides.
  private func forEachSlice(of weight: PackedWeight, _ body: (Range<Int>, _ thread: Int) -> Void) {
    let size = Self.sliceOutputs(of: weight)
    pool.forEach((weight.rowCount + size - 1) / size) { slice, thread in
      body(slice * size..<min((slice + 1) * size, weight.rowCount), thread)
    }
  }

  // MARK: Panels

  /// Rows of x that meet all weights before the next ones do: as many as stay in a core's cache.
  private static let panelRows = 128

  private func multiply(_ x: Matrix, byPanels weight: PackedWeight, into y: Matrix) {
    let columns = weight.columnCount
    let groups = WeightFormat.groups(columns)
    scratch.withMemory(for: x.rowCount * groups, of: castle_quantized_group.self) { [weightKernels] inputs in
      forEachRows(x.rowCount, columns: columns) { rows in
        for row in rows {
          weightKernels.quantize(columns, x.hostAddress + row * x.rowStride, inputs + row * groups)
        }
      }
      forEachOutputs(of: weight) { outputs in
        let panels = weight.panels(from: outputs.lowerBound / WeightFormat.panelOutputs)
        for first in stride(from: 0, to: x.rowCount, by: Self.panelRows) {
          let count = min(Self.panelRows, x.rowCount - first)
          let target = y.hostAddress + first * y.rowStride + outputs.lowerBound
          if weight.format == .int8 {
            weightKernels.int8(
              outputs.count, panels, count, inputs + first * groups, groups, target, y.rowStride)
          } else {
            weightKernels.int4(
              outputs.count, panels, count, inputs + first * groups, groups, target, y.rowStride)
          }
        }
      }
    }
  }

  /// A part of a product is worth a thread of its own from about this many bytes of weights on.
  private static let weightGrain = 64 * 1_024

  /// Calls `body` with ranges of outputs that begin at whole panels, on all threads.
  private func forEachOutputs(of weight: PackedWeight, _ body: (Range<Int>) -> Void) {
    let panel = WeightFormat.panelOutputs
    let panels = WeightFormat.panels(weight.rowCount)
    pool.forEachRange(
      of: panels, minimum: max(1, Self.weightGrain * panels / weight.byteCount),
      partsPerThread: Self.partsPerThread
    ) { range in
      body(panel * range.lowerBound..<min(panel * range.upperBound, weight.rowCount))
    }
  }

  // MARK: Memory

  /// The sum of the words of `matrix`, which has no gaps: reads memory as fast as this processor can.
  package func sumOfWords(_ matrix: Matrix) -> UInt64 {
    precondition(matrix.isContiguous, "a matrix with gaps")
    let count = matrix.count / 2
    let words = UnsafeRawPointer(matrix.hostAddress).assumingMemoryBound(to: UInt64.self)
    let parts = pool.threadCount * Self.partsPerThread
    return scratch.withMemory(for: parts, of: UInt64.self) { [weightKernels] sums in
      pool.forEach(parts) { part in
        let range = count * part / parts..<count * (part + 1) / parts
        sums[part] = weightKernels.read(range.count, words + range.lowerBound)
      }
      return (0..<parts).reduce(0) { $0 &+ sums[$1] }
    }
  }
}
