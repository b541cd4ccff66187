/// A row-major matrix, or a window of one, in device memory.
///
/// Rows are `rowStride` elements apart; the elements of a row are adjacent. A vector is a matrix of one row.
/// Taking ``rows(_:)`` or ``columns(_:)`` copies nothing and allocates nothing.
public struct DeviceMatrix<Element: BitwiseCopyable & Sendable>: Sendable {
  /// The memory that this matrix is a window of.
  public let buffer: Buffer
  /// The index of the first element in `buffer`, counted in elements.
  public let offset: Int
  /// The number of rows.
  public let rowCount: Int
  /// The number of columns.
  public let columnCount: Int
  /// The distance between the starts of neighboring rows, in elements.
  public let rowStride: Int

  /// A window on `buffer`. Traps if the window reaches outside it.
  public init(buffer: Buffer, offset: Int = 0, rowCount: Int, columnCount: Int, rowStride: Int? = nil) {
    let stride = rowStride ?? columnCount
    precondition(offset >= 0 && rowCount >= 0 && columnCount >= 0 && stride >= columnCount)
    let isEmpty = rowCount == 0 || columnCount == 0
    let end = isEmpty ? 0 : offset + (rowCount - 1) * stride + columnCount
    precondition(end * MemoryLayout<Element>.stride <= buffer.byteCount, "window outside its buffer")
    self.buffer = buffer
    self.offset = offset
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.rowStride = stride
  }

  /// The number of elements.
  public var count: Int { rowCount * columnCount }

  /// Whether the rows follow each other without gaps.
  public var isContiguous: Bool { rowStride == columnCount || rowCount <= 1 }

  /// Whether `other` has as many rows and columns.
  public func hasShape(of other: DeviceMatrix) -> Bool {
    rowCount == other.rowCount && columnCount == other.columnCount
  }

  /// Whether these are `count` elements that follow each other without gaps, as in a row or an only column.
  public func isVector(_ count: Int) -> Bool { isContiguous && self.count == count }

  /// The window of the given rows.
  public func rows(_ range: Range<Int>) -> DeviceMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rowCount)
    return DeviceMatrix(
      buffer: buffer, offset: offset + range.lowerBound * rowStride, rowCount: range.count,
      columnCount: columnCount, rowStride: rowStride)
  }

  /// The window of the given columns.
  public func columns(_ range: Range<Int>) -> DeviceMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columnCount)
    return DeviceMatrix(
      buffer: buffer, offset: offset + range.lowerBound, rowCount: rowCount,
      columnCount: range.count, rowStride: rowStride)
  }

  /// The same elements as one row. Traps if the matrix is not contiguous.
  public var flattened: DeviceMatrix {
    reshaped(rowCount: 1, columnCount: count)
  }

  /// The same elements under another shape. Traps if the counts differ or the matrix is not contiguous.
  public func reshaped(rowCount: Int, columnCount: Int) -> DeviceMatrix {
    precondition(isContiguous && rowCount * columnCount == count)
    return DeviceMatrix(buffer: buffer, offset: offset, rowCount: rowCount, columnCount: columnCount)
  }

  /// The first element, for backends whose buffers are in host memory.
  public var hostAddress: UnsafeMutablePointer<Element> {
    buffer.address.assumingMemoryBound(to: Element.self) + offset
  }
}

/// A matrix of single-precision numbers.
public typealias Matrix = DeviceMatrix<Float>

/// Token ids, positions and other indices, one row per sequence.
public typealias IndexMatrix = DeviceMatrix<Int32>
