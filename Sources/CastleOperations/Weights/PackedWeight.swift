import CastleKernels
public import CastleTensors

/// A matrix of weights, (outputs, inputs), in one of the formats that products for inference read.
///
/// Values of ``WeightFormat/float32`` and ``WeightFormat/bfloat16`` are the rows one after another, so that
/// weights can be used where a file is mapped. The others are panels of 16 outputs; a panel is blocks of 32
/// inputs one after another; outputs and inputs beyond the last are 0. In a block, (8 quadruples of inputs,
/// 16 outputs, 4 inputs),
/// - ``WeightFormat/int8`` has a byte for each weight, 128 + its number;
/// - ``WeightFormat/int4`` has a byte for two weights: 8 + the number of input 4q + j in its low half, and 8
///   + that of input 4(q + 4) + j in its high half, for quadruples q of 0 to 3.
///
/// Scales are bfloat16, (panels, blocks, 16 outputs). All numbers are little-endian.
public struct PackedWeight: Sendable {
  /// The precision.
  public let format: WeightFormat
  /// The number of outputs.
  public let rowCount: Int
  /// The number of inputs.
  public let columnCount: Int

  private let valueBuffer: Buffer
  private let valueOffset: Int
  private let scaleBuffer: Buffer?
  private let scaleOffset: Int

  /// Weights stored in `values` and `scales`, at offsets in bytes. Nil if they do not fit there, if the
  /// matrix is empty, or if values or scales are not at a multiple of the size of their numbers.
  public init?(
    format: WeightFormat, rowCount: Int, columnCount: Int, values: Buffer, valueOffset: Int = 0,
    scales: Buffer? = nil, scaleOffset: Int = 0
  ) {
    guard let valueBytes = format.valueByteCount(rowCount: rowCount, columnCount: columnCount),
      let scaleCount = format.scaleCount(rowCount: rowCount, columnCount: columnCount),
      valueOffset >= 0, scaleOffset >= 0,
      valueOffset <= values.byteCount, valueBytes <= values.byteCount - valueOffset
    else { return nil }
    let alignment =
      switch format {
      case .float32: MemoryLayout<Float>.alignment
      case .bfloat16: MemoryLayout<UInt16>.alignment
      case .int8, .int4: 1
      }
    guard (Int(bitPattern: values.address) + valueOffset).isMultiple(of: alignment) else { return nil }
    if format.isQuantized {
      let (bytes, overflow) = scaleCount.multipliedReportingOverflow(by: MemoryLayout<UInt16>.stride)
      guard let scales, !overflow, scaleOffset <= scales.byteCount, bytes <= scales.byteCount - scaleOffset,
        (Int(bitPattern: scales.address) + scaleOffset).isMultiple(of: MemoryLayout<UInt16>.alignment)
      else { return nil }
    }
    self.format = format
    self.rowCount = rowCount
    self.columnCount = columnCount
    valueBuffer = values
    self.valueOffset = valueOffset
    scaleBuffer = format.isQuantized ? scales : nil
    self.scaleOffset = scaleOffset
  }

  /// The bytes of the values.
  package var values: UnsafeRawBufferPointer {
    let count = format.valueByteCount(rowCount: rowCount, columnCount: columnCount) ?? 0
    return UnsafeRawBufferPointer(start: valueBuffer.address + valueOffset, count: count)
  }

  /// The bytes of the scales, none for formats without.
  package var scales: UnsafeRawBufferPointer {
    guard let scaleBuffer else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let count = format.scaleCount(rowCount: rowCount, columnCount: columnCount) ?? 0
    return UnsafeRawBufferPointer(
      start: scaleBuffer.address + scaleOffset, count: count * MemoryLayout<UInt16>.stride)
  }

  /// The bytes that one product reads.
  public var byteCount: Int { values.count + scales.count }

  /// The matrix itself, if the format is single precision.
  var matrix: Matrix? {
    guard format == .float32 else { return nil }
    let bytes = valueOffset.quotientAndRemainder(dividingBy: MemoryLayout<Float>.stride)
    guard bytes.remainder == 0 else { return nil }
    return Matrix(
      buffer: valueBuffer, offset: bytes.quotient, rowCount: rowCount, columnCount: columnCount)
  }

  /// The outputs of both below each other, if `other` lies behind these weights in memory; panels must be
  /// full.
  func joined(with other: PackedWeight) -> PackedWeight? {
    guard format == other.format, columnCount == other.columnCount, valueBuffer === other.valueBuffer,
      scaleBuffer === other.scaleBuffer, other.valueOffset == valueOffset + values.count,
      !format.isQuantized
        || (rowCount.isMultiple(of: WeightFormat.panelOutputs)
          && other.scaleOffset == scaleOffset + scales.count)
    else { return nil }
    return PackedWeight(
      format: format, rowCount: rowCount + other.rowCount, columnCount: columnCount, values: valueBuffer,
      valueOffset: valueOffset, scales: scaleBuffer, scaleOffset: scaleOffset)
  }

  /// The first value, for formats whose rows follow each other.
  func rows<Element>(_ type: Element.Type) -> UnsafePointer<Element> {
    UnsafePointer((valueBuffer.address + valueOffset).assumingMemoryBound(to: Element.self))
  }

  /// The panels from `first` on, for quantized formats.
  func panels(from first: Int = 0) -> castle_quantized_panels {
    let groups = WeightFormat.groups(columnCount)
    let block = Int(format == .int8 ? CASTLE_INT8_BLOCK : CASTLE_INT4_BLOCK)
    let scales = scaleBuffer.map { ($0.address + scaleOffset).assumingMemoryBound(to: UInt16.self) }
    return castle_quantized_panels(
      blocks: rows(UInt8.self) + first * groups * block,
      scales: scales.map { UnsafePointer($0 + first * groups * WeightFormat.panelOutputs) }, groups: groups)
  }
}
