import Foundation

/// Writes a safetensors file tensor by tensor, in memory that does not grow with the file.
///
/// The tensors are declared first, and then written in that order, each in as many pieces as the caller
/// likes. The file appears under its name when ``finish()`` returns, or not at all.
///
/// ```swift
/// let writer = try SafetensorsWriter(
///   path: "out.safetensors", tensors: [.init(name: "o", type: .f32, shape: [2, 3])])
/// try writer.write(values)
/// try writer.finish()
/// ```
public final class SafetensorsWriter {
  /// What the header says about a tensor.
  public struct Declaration: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The type of the elements.
    public var type: SafetensorsType
    /// The dimensions, the slowest first.
    public var shape: [Int]

    /// A declaration. Traps if a dimension is negative.
    public init(name: String, type: SafetensorsType, shape: [Int]) {
      precondition(shape.allSatisfy { $0 >= 0 })
      self.name = name
      self.type = type
      self.shape = shape
    }

    /// The size of the tensor in bytes.
    public var byteCount: Int { shape.reduce(type.byteCount, *) }
  }

  /// The tensors of the file, in order.
  public let tensors: [Declaration]

  private let file: AtomicFile
  private var index = 0
  private var writtenCount = 0

  /// Starts the file at `path` and writes its header. Traps if two tensors have one name.
  public init(path: String, tensors: [Declaration], metadata: [String: String] = [:]) throws {
    precondition(Set(tensors.map { Array($0.name.utf8) }).count == tensors.count, "two tensors of one name")
    self.tensors = tensors
    file = try AtomicFile(path: path)
    let header = Self.header(tensors, metadata: metadata)
    try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
    try file.write(header)
  }

  /// Writes the next elements. Traps if the tensor whose turn it is has another type or is full.
  public func write(_ elements: UnsafeBufferPointer<Float>) throws {
    try write(UnsafeRawBufferPointer(elements), type: .f32)
  }

  /// Writes the next elements. Traps if the tensor whose turn it is has another type or is full.
  public func write(_ elements: [Float]) throws {
    try elements.withUnsafeBufferPointer { try write($0) }
  }

  /// Writes the next elements. Traps if the tensor whose turn it is has another type or is full.
  public func write(_ elements: [Double]) throws {
    try elements.withUnsafeBytes { try write($0, type: .f64) }
  }

  /// Writes the next elements. Traps if the tensor whose turn it is has another type or is full.
  public func write(_ elements: [Int64]) throws {
    try elements.withUnsafeBytes { try write($0, type: .i64) }
  }

  /// Writes the next elements, whose little-endian `bytes` are given. Traps if the tensor whose turn it is
  /// has another type or is full.
  public func write(_ bytes: UnsafeRawBufferPointer, type: SafetensorsType) throws {
    skipFullTensors()
    guard !bytes.isEmpty else { return }
    precondition(index < tensors.count, "more elements than declared")
    let tensor = tensors[index]
    precondition(tensor.type == type, "\(tensor.name) is \(tensor.type.rawValue)")
    precondition(writtenCount + bytes.count <= tensor.byteCount, "more elements than \(tensor.name) has")
    try file.write(bytes)
    writtenCount += bytes.count
  }

  /// Gives the file its name, once it is on the disk. Traps if elements are missing.
  public func finish() throws {
    skipFullTensors()
    precondition(index == tensors.count, "fewer elements than declared")
    try file.commit()
  }

  private func skipFullTensors() {
    while index < tensors.count, writtenCount == tensors[index].byteCount {
      index += 1
      writtenCount = 0
    }
  }

  /// The JSON header, padded with spaces so that the tensors start at a multiple of 8 bytes.
  static func header(_ tensors: [Declaration], metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        "\(JSONValue.quoted($0.key)):\(JSONValue.quoted($0.value))"
      }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(JSONValue.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    return header
  }
}
