/// The header of a safetensors file: what its JSON says, checked against the size of the file.
///
/// The format: 8 bytes of little-endian header size, the header as a JSON object, then the tensors. Each key
/// of the object is a tensor's name with `dtype`, `shape` and `data_offsets`, or `__metadata__` with strings.
/// The tensors fill the rest of the file without holes and without overlap.
struct SafetensorsHeader {
  struct Entry {
    var name: String
    /// As the file has it.
    var typeName: String
    /// Nil if it is one of ``unreadTypes``.
    var type: SafetensorsType?
    var shape: [Int]
    /// Where the tensor is in the file.
    var range: Range<Int>
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  /// The types of the format that are not read: tensors of them may lie in a file, such as those of quantized
  /// layers.
  private static let unreadTypes: Set = [
    "BOOL", "U8", "I8", "U16", "I16", "U32", "U64", "C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2",
    "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
  ]

  /// The largest header that the reference implementation of the format accepts, in bytes.
  static let sizeLimit = 100_000_000

  /// Reads and checks the header of the file whose bytes are `file`.
  ///
  /// - Throws: A reason without the file's name.
  init(file: UnsafeRawBufferPointer) throws {
    guard file.count >= 8 else { throw InputError("it has \(file.count) bytes and no header") }
    let size = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard size <= UInt64(Self.sizeLimit), size <= UInt64(file.count - 8) else {
      throw InputError("its header claims \(size) bytes, the file has \(file.count)")
    }
    let start = 8 + Int(size)
    var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: file[8..<start]), name: "its header")
    var names: Set<[UInt8]> = []
    try scanner.object { scanner in
      let key = scanner.text
      guard names.insert(scanner.string).inserted else { throw InputError("its header holds \(key) twice") }
      if key == "__metadata__" {
        try scanner.object { scanner in
          let key = scanner.text
          try scanner.readString()
          guard metadata.updateValue(scanner.text, forKey: key) == nil else {
            throw InputError("its metadata hold \(key) twice")
          }
        }
      } else {
        entries.append(try Self.entry(key, &scanner, dataSize: file.count - start, dataStart: start))
      }
    }
    try scanner.finish()
    try checkCoverage(of: start..<file.count)
  }

  private static func entry(
    _ name: String, _ scanner: inout JSONScanner, dataSize: Int, dataStart: Int
  ) throws -> Entry {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    func wholeNumbers(_ scanner: inout JSONScanner) throws -> [Int] {
      var values: [Int] = []
      try scanner.array { values.append(try $0.wholeNumber()) }
      return values
    }
    try scanner.object { scanner in
      let key = scanner.text
      switch key {
      case "dtype" where typeName == nil:
        try scanner.readString()
        typeName = scanner.text
        guard SafetensorsType(rawValue: scanner.text) != nil || unreadTypes.contains(scanner.text) else {
          throw InputError("tensor \(name) has the type \(scanner.text), \(SafetensorsType.choices)")
        }
      case "shape" where shape == nil: shape = try wholeNumbers(&scanner)
      case "data_offsets" where offsets == nil: offsets = try wholeNumbers(&scanner)
      default: throw InputError("tensor \(name) has the unexpected key \(key)")
      }
    }
    guard let typeName, let shape, let offsets, offsets.count == 2 else {
      throw InputError("tensor \(name) lacks its dtype, shape or two data_offsets")
    }
    guard offsets[0] <= offsets[1], offsets[1] <= dataSize else {
      throw InputError("tensor \(name) is at bytes \(offsets[0])..<\(offsets[1]) of \(dataSize)")
    }
    guard let type = SafetensorsType(rawValue: typeName) else {
      return Entry(
        name: name, typeName: typeName, type: nil, shape: shape,
        range: dataStart + offsets[0]..<dataStart + offsets[1])
    }
    var size = type.byteCount
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow else { throw InputError("tensor \(name) has the impossible shape \(shape)") }
      size = product
    }
    guard size == offsets[1] - offsets[0] else {
      throw InputError(
        "tensor \(name) of shape \(shape) and type \(type.rawValue) needs \(size) bytes,"
          + " its data_offsets give \(offsets[1] - offsets[0])")
    }
    return Entry(
      name: name, typeName: typeName, type: type, shape: shape,
      range: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private func checkCoverage(of data: Range<Int>) throws {
    var end = data.lowerBound
    let ordered = entries.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for entry in ordered {
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps another tensor" : "follows a hole in the data"
        throw InputError("tensor \(entry.name) \(what)")
      }
      end = entry.range.upperBound
    }
    guard end == data.upperBound else {
      throw InputError("its last tensor ends \(data.upperBound - end) bytes before the file does")
    }
  }
}
