import CastleKernels
package import CastleTensors

extension PackedWeight {
  /// Row `row` in single precision, as products take it. `target` has room for ``columnCount`` numbers.
  public func unpack(row: Int, into target: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    switch format {
    case .float32:
      target.update(from: rows(Float.self) + row * columnCount, count: columnCount)
    case .bfloat16:
      let source = rows(UInt16.self) + row * columnCount
      for k in 0..<columnCount { target[k] = Self.float(source[k]) }
    case .int8, .int4:
      let (panel, output) = row.quotientAndRemainder(dividingBy: WeightFormat.panelOutputs)
      let panels = panels(from: panel)
      guard let blocks = panels.blocks, let scales = panels.scales else { return }
      for k in 0..<columnCount {
        let (group, input) = k.quotientAndRemainder(dividingBy: WeightFormat.groupInputs)
        let scale = Self.float(scales[group * WeightFormat.panelOutputs + output])
        target[k] = Float(number(blocks, group: group, input: input, output: output)) * scale
      }
    }
  }

  private func number(_ blocks: UnsafePointer<UInt8>, group: Int, input: Int, output: Int) -> Int {
    let lane = 4 * output + input % 4
    if format == .int8 {
      return Int(blocks[group * Int(CASTLE_INT8_BLOCK) + 64 * (input / 4) + lane]) - 128
    }
    let both = blocks[group * Int(CASTLE_INT4_BLOCK) + 64 * (input % 16 / 4) + lane]
    return Int(input < 16 ? both & 15 : both >> 4) - 8
  }

  private static func float(_ bfloat16: UInt16) -> Float { Float(bitPattern: UInt32(bfloat16) << 16) }

  /// How far these weights are from those that they were made of.
  package func error(from matrix: Matrix) -> WeightError {
    precondition(matrix.rowCount == rowCount && matrix.columnCount == columnCount, "shapes do not fit")
    var error = WeightError()
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columnCount) { row in
      guard let address = row.baseAddress else { return }
      for i in 0..<rowCount {
        unpack(row: i, into: address)
        let original = matrix.hostAddress + i * matrix.rowStride
        for k in 0..<columnCount { error.add(Double(row[k]), original: Double(original[k])) }
      }
    }
    return error
  }
}

/// How far weights in less precision are from those that they were made of.
package struct WeightError: Sendable, Hashable {
  private var squares = 0.0
  private var originalSquares = 0.0
  /// The largest distance of a weight.
  package private(set) var largest = 0.0

  package init() {}

  /// Counts one weight.
  mutating func add(_ value: Double, original: Double) {
    let distance = abs(value - original)
    squares += distance * distance
    originalSquares += original * original
    largest = max(largest, distance)
  }

  /// Counts those that `other` has counted.
  package mutating func add(_ other: WeightError) {
    squares += other.squares
    originalSquares += other.originalSquares
    largest = max(largest, other.largest)
  }

  /// The root of the mean squared distance over that of the mean squared weight; 0 if all weights are 0.
  package var relative: Double { squares > 0 ? (squares / originalSquares).squareRoot() : 0 }
}
