import CastleFormats
import CastleOperations
import CastleTensors

/// Makes the weights of a model for inference from the tensors of its folder: mapped where they have the
/// right format, converted piece by piece where not.
struct WeightLoader {
  private let tensors: ModelTensors
  private let configuration: ModelConfiguration
  private let format: WeightFormat?
  private let backend: any Backend
  private let packer: CPUBackend
  private let files = MappedBuffers()
  /// Memory for all that is converted, in the order of the parameters, so that projections lie side by side.
  private let arena: ConversionArena

  /// The tensors must have been checked against the configuration.
  init(
    _ tensors: ModelTensors, configuration: ModelConfiguration, format: WeightFormat?, backend: any Backend
  ) throws {
    self.tensors = tensors
    self.configuration = configuration
    self.format = format
    self.backend = backend
    packer = backend.packer
    var arena = ConversionArena()
    let layout = ParameterLayout(configuration)
    for entry in QuantizedFolder.entries(layout, configuration, splitsHead: format?.isQuantized == true) {
      guard entry.shape.count == 2, configuration.quantization == nil || !entry.isQuantized else { continue }
      let source = try tensors.tensor(entry.source)
      let target = Self.format(of: source.type, isEmbedding: !entry.isQuantized, wanted: format)
      if Self.lies(source, in: target) == nil {
        try arena.add(entry.name, rows: entry.shape[0], columns: entry.shape[1], target)
      }
    }
    arena.allocate()
    self.arena = arena
  }

  /// Reads all weights.
  func weights() throws -> ModelWeights {
    if !backend.readsPackedWeights { return try unpackedWeights() }
    let isSplit = configuration.quantization != nil || format?.isQuantized == true
    var tiedHead: Weight?
    if configuration.tiesEmbeddings && isSplit {
      let shape = [configuration.vocabularySize, configuration.hiddenSize]
      let source = configuration.quantization == nil ? ParameterName.embedding : ParameterName.head
      tiedHead = .packed(try matrix(ParameterName.head, source: source, shape))
    }
    return try ModelWeights(configuration, tiedHead: tiedHead) { name, shape in
      .packed(try matrix(name, source: name, shape))
    } norm: {
      try vector($0)
    }
  }

  /// The scales of a norm, a bias, or the two rows of a shift, which stay in single precision.
  private func vector(_ name: String) throws -> Matrix {
    let tensor = try tensors.tensor(name)
    let values = try tensor.floats()
    let rowCount = tensor.shape.count == 2 ? tensor.shape[0] : 1
    let vector = backend.allocate(Float.self, rowCount: rowCount, columnCount: values.count / rowCount)
    values.withUnsafeBufferPointer { backend.upload($0, to: vector) }
    return vector
  }

  /// What a quantised folder stands for, in single precision in memory of the backend.
  private func unpackedWeights() throws -> ModelWeights {
    func unpacked(_ name: String, _ shape: [Int]) throws -> Weight {
      let weight = try matrix(name, source: name, shape)
      let target = backend.allocate(Float.self, rowCount: weight.rowCount, columnCount: weight.columnCount)
      var row = [Float](repeating: 0, count: weight.columnCount)
      for index in 0..<weight.rowCount {
        row.withUnsafeMutableBufferPointer { buffer in
          if let address = buffer.baseAddress { weight.unpack(row: index, into: address) }
          backend.upload(UnsafeBufferPointer(buffer), to: target.rows(index..<index + 1))
        }
      }
      return .float32(target)
    }
    let shape = [configuration.vocabularySize, configuration.hiddenSize]
    let tiedHead = configuration.tiesEmbeddings ? try unpacked(ParameterName.head, shape) : nil
    return try ModelWeights(configuration, tiedHead: tiedHead, weight: unpacked, norm: vector)
  }

  // MARK: Matrices

  /// The parameter `name`, which is made of the tensor `source`.
  private func matrix(_ name: String, source: String, _ shape: [Int]) throws -> PackedWeight {
    let tensor = try tensors.tensor(source)
    if let quantization = configuration.quantization, tensor.type == .u8 {
      let scales = try tensors.tensor(QuantizedFolder.scales(name))
      return try mapped(tensor, quantization, shape, scales: scales)
    }
    if let weight = arena.weight(name) {
      try convert(tensor, into: weight)
      return weight
    }
    let isEmbedding = name == ParameterName.embedding
    return try mapped(
      tensor, Self.format(of: tensor.type, isEmbedding: isEmbedding, wanted: format), shape, scales: nil)
  }

  /// The format that a tensor is used in.
  private static func format(
    of type: SafetensorsType, isEmbedding: Bool, wanted: WeightFormat?
  ) -> WeightFormat {
    let present: WeightFormat = type == .bf16 ? .bfloat16 : .float32
    guard let wanted else { return present }
    return wanted.isQuantized && isEmbedding ? present : wanted
  }

  /// Where a tensor lies in its file, if it can be used there as `format`.
  private static func lies(
    _ tensor: SafetensorsTensor, in format: WeightFormat
  ) -> (file: MappedFile, offset: Int)? {
    let size =
      switch (tensor.type, format) {
      case (.f32, .float32): MemoryLayout<Float>.alignment
      case (.bf16, .bfloat16): MemoryLayout<UInt16>.alignment
      default: 0
      }
    guard size > 0, 1.littleEndian == 1, tensor.place.offset.isMultiple(of: size) else { return nil }
    return tensor.place
  }

  /// The weights where the file is mapped.
  private func mapped(
    _ tensor: SafetensorsTensor, _ format: WeightFormat, _ shape: [Int], scales: SafetensorsTensor?
  ) throws -> PackedWeight {
    let place = tensor.place
    let scalePlace = scales?.place
    let weight = PackedWeight(
      format: format, rowCount: shape[0], columnCount: shape[1], values: files.buffer(place.file),
      valueOffset: place.offset, scales: scalePlace.map { files.buffer($0.file) },
      scaleOffset: scalePlace?.offset ?? 0)
    guard let weight else {
      throw InputError(
        "\(place.file.path): \(tensor.name) begins at an odd byte, where its numbers cannot be used")
    }
    return weight
  }

  /// The numbers of a piece that is converted at a time.
  private static let pieceSize = 1 << 20

  private func convert(_ tensor: SafetensorsTensor, into weight: PackedWeight) throws {
    let panel = WeightFormat.panelOutputs
    let columns = weight.columnCount
    let rows = min(weight.rowCount, max(panel, Self.pieceSize / columns / panel * panel))
    let piece = Matrix(
      buffer: Buffer.host(byteCount: rows * columns * MemoryLayout<Float>.stride), rowCount: rows,
      columnCount: columns)
    for start in stride(from: 0, to: weight.rowCount, by: rows) {
      let part = piece.rows(0..<min(rows, weight.rowCount - start))
      try tensor.readFloats(
        from: start * columns,
        into: UnsafeMutableBufferPointer(start: part.hostAddress, count: part.count))
      weight.write(part, at: start, on: packer)
    }
  }
}

/// A buffer for each file, so that weights of one file know that they are neighbours.
private final class MappedBuffers {
  private var buffers: [ObjectIdentifier: Buffer] = [:]

  func buffer(_ file: MappedFile) -> Buffer {
    if let known = buffers[ObjectIdentifier(file)] { return known }
    let buffer = file.withBytes { bytes in
      guard let address = bytes.baseAddress else { return Buffer.host(byteCount: 0) }
      // The pages are read-only; nothing writes weights that are used in place.
      return Buffer(address: UnsafeMutableRawPointer(mutating: address), byteCount: bytes.count) { _ in
        withExtendedLifetime(file) {}
      }
    }
    buffers[ObjectIdentifier(file)] = buffer
    return buffer
  }
}

/// Memory for converted matrices, one after another.
private struct ConversionArena {
  private struct Place {
    let rows: Int
    let columns: Int
    let format: WeightFormat
    let valueOffset: Int
    let scaleOffset: Int
  }

  private var places: [String: Place] = [:]
  private var valueBytes = 0
  private var scaleBytes = 0
  private var values: Buffer?
  private var scales: Buffer?

  mutating func add(_ name: String, rows: Int, columns: Int, _ format: WeightFormat) throws {
    let alignment = MemoryLayout<Float>.alignment
    let start = format == .float32 ? (valueBytes + alignment - 1) / alignment * alignment : valueBytes
    guard let bytes = format.byteCounts(rowCount: rows, columnCount: columns),
      start.addingReportingOverflow(bytes.values).overflow == false
    else { throw InputError("\(name) with \(rows) by \(columns) numbers is larger than memory") }
    places[name] = Place(
      rows: rows, columns: columns, format: format, valueOffset: start, scaleOffset: scaleBytes)
    valueBytes = start + bytes.values
    scaleBytes += bytes.scales
  }

  mutating func allocate() {
    guard !places.isEmpty else { return }
    values = Buffer.host(byteCount: valueBytes)
    scales = Buffer.host(byteCount: scaleBytes)
  }

  /// The memory of a matrix that was added.
  func weight(_ name: String) -> PackedWeight? {
    guard let place = places[name], let values else { return nil }
    return PackedWeight(
      format: place.format, rowCount: place.rows, columnCount: place.columns, values: values,
      valueOffset: place.valueOffset, scales: scales, scaleOffset: place.scaleOffset)
  }
}
