/// A protocol-buffers message in the making: the few wire types that TensorBoard's events need.
struct ProtobufMessage {
  /// The encoded fields so far.
  private(set) var bytes: [UInt8] = []

  /// Adds an integer, boolean or enumeration field.
  mutating func add(_ field: Int, integer value: Int64) {
    addKey(field, wireType: 0)
    addVarint(UInt64(bitPattern: value))
  }

  /// Adds a `double` field.
  mutating func add(_ field: Int, double value: Double) {
    addKey(field, wireType: 1)
    addLittleEndian(value.bitPattern)
  }

  /// Adds a `float` field.
  mutating func add(_ field: Int, float value: Float) {
    addKey(field, wireType: 5)
    addLittleEndian(value.bitPattern)
  }

  /// Adds a `string` or `bytes` field.
  mutating func add(_ field: Int, string value: String) {
    add(field, bytes: Array(value.utf8))
  }

  /// Adds a field that is a message.
  mutating func add(_ field: Int, message: ProtobufMessage) {
    add(field, bytes: message.bytes)
  }

  private mutating func add(_ field: Int, bytes content: [UInt8]) {
    addKey(field, wireType: 2)
    addVarint(UInt64(content.count))
    bytes += content
  }

  private mutating func addKey(_ field: Int, wireType: UInt64) {
    addVarint(UInt64(field) << 3 | wireType)
  }

  private mutating func addVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func addLittleEndian(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
