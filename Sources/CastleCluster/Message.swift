/// Writes values one after the other, as the bytes of a message from one rank to another.
///
/// Ranks run the same program, so that the message says nothing about the types in it: whoever reads it asks
/// for the same values in the same order.
package struct MessageWriter {
  /// What has been written.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// Writes a number.
  package mutating func add(_ value: Int) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  /// Writes how many `values` there are, and the values.
  package mutating func add<Value: BitwiseCopyable>(_ values: [Value]) {
    add(values.count)
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// Writes a text.
  package mutating func add(_ text: String) { add(Array(text.utf8)) }
}

/// Reads what a ``MessageWriter`` has written. Traps where it has written something else.
package struct MessageReader {
  private let bytes: [UInt8]
  private var place = 0

  /// Begins at the first of `bytes`.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next number.
  package mutating func number() -> Int {
    precondition(place + MemoryLayout<Int>.size <= bytes.count, "the message has another form")
    defer { place += MemoryLayout<Int>.size }
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Int.self) }
  }

  /// The next values.
  package mutating func values<Value: BitwiseCopyable>(of type: Value.Type = Value.self) -> [Value] {
    let count = number()
    let size = count * MemoryLayout<Value>.stride
    precondition(count >= 0 && place + size <= bytes.count, "the message has another form")
    defer { place += size }
    return bytes.withUnsafeBytes { bytes in
      [Value](unsafeUninitializedCapacity: count) { values, initialized in
        UnsafeMutableRawBufferPointer(values).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[place..<place + size]))
        initialized = count
      }
    }
  }

  /// The next text.
  package mutating func text() -> String { String(decoding: values(of: UInt8.self), as: UTF8.self) }
}
