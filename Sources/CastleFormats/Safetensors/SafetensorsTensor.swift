/// A tensor of a safetensors file: a window on the mapped file.
public struct SafetensorsTensor: Sendable {
  /// The name in the file.
  public let name: String
  /// The type of the elements.
  public let type: SafetensorsType
  /// The dimensions, the slowest first; none for a scalar.
  public let shape: [Int]

  private let file: MappedFile
  private let range: Range<Int>

  init(name: String, type: SafetensorsType, shape: [Int], file: MappedFile, range: Range<Int>) {
    self.name = name
    self.type = type
    self.shape = shape
    self.file = file
    self.range = range
  }

  /// The number of elements.
  public var count: Int { range.count / type.byteCount }

  /// Calls `body` with the little-endian bytes, which need not be aligned.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try file.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// All elements in single precision.
  ///
  /// - Throws: ``InputError`` if they are integers.
  public func floats() throws -> [Float] {
    try requireFloatingPoint()
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      copyFloats(from: 0, to: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }

  /// All elements in double precision.
  ///
  /// - Throws: ``InputError`` if they are integers.
  public func doubles() throws -> [Double] {
    try requireFloatingPoint()
    return withBytes { bytes in
      (0..<count).map { type == .f64 ? loadDouble(bytes, $0) : Double(loadFloat(bytes, $0)) }
    }
  }

  /// All elements of an I32 or I64 tensor.
  ///
  /// - Throws: ``InputError`` if they are not integers.
  public func integers() throws -> [Int] {
    guard !type.isFloatingPoint else {
      throw InputError("tensor \(name) of \(file.path) is \(type.rawValue) where integers are needed")
    }
    return withBytes { bytes in
      (0..<count).map { index in
        type == .i64
          ? Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self)))
          : Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)))
      }
    }
  }

  /// Converts the elements from index `start` on to single precision, until `target` is full.
  ///
  /// - Throws: ``InputError`` if they are integers; traps if the tensor has fewer elements.
  public func readFloats(from start: Int, into target: UnsafeMutableBufferPointer<Float>) throws {
    try requireFloatingPoint()
    precondition(start >= 0 && start + target.count <= count)
    copyFloats(from: start, to: target)
  }

  private func requireFloatingPoint() throws {
    guard type.isFloatingPoint else {
      throw InputError(
        "tensor \(name) of \(file.path) is \(type.rawValue) where F32, F16, BF16 or F64 is needed")
    }
  }

  private func copyFloats(from start: Int, to target: UnsafeMutableBufferPointer<Float>) {
    withBytes { bytes in
      switch type {
      case .f32 where Self.isLittleEndian:
        let window = bytes[(start * 4)..<((start + target.count) * 4)]
        UnsafeMutableRawBufferPointer(target).copyMemory(from: UnsafeRawBufferPointer(rebasing: window))
      case .f64:
        for index in target.indices { target[index] = Float(loadDouble(bytes, start + index)) }
      default:
        for index in target.indices { target[index] = loadFloat(bytes, start + index) }
      }
    }
  }

  private static let isLittleEndian = 1.littleEndian == 1

  private func loadDouble(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Double {
    let pattern = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
    return Double(bitPattern: UInt64(littleEndian: pattern))
  }

  private func loadFloat(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    if type == .f32 {
      let pattern = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
      return Float(bitPattern: UInt32(littleEndian: pattern))
    }
    let pattern = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
    return type == .bf16
      ? Float(bitPattern: UInt32(pattern) << 16) : HalfPrecision.float(bitPattern: pattern)
  }
}
