import CastleFormats
public import CastleOperations
import CastleTensors
import Foundation

/// Model folders whose weights take less memory.
///
/// With ``WeightFormat/bfloat16`` a folder is an ordinary one, whose matrices are BF16. With quantised
/// formats `config.json` has a `quantization_config` with the `quant_method` "castle". Each matrix but the
/// embedding is then two tensors: under its name, the bytes of ``PackedWeight`` as U8, (panels, groups, bytes
/// of a block), and under its name with `_scale`, BF16 scales, (panels, groups, 16). A model that ties head
/// and embedding has both, since only the head is quantised. The embedding and the norms are F32, or BF16
/// where the original is.
public enum QuantizedFolder {
  /// What became of a folder.
  public struct Summary: Sendable, Hashable {
    /// The bytes of the tensors.
    public var byteCount: Int
    /// The bytes of the tensors before.
    public var originalByteCount: Int
    /// The root of the mean squared error of the converted weights over that of the weights.
    public var relativeError: Double
  }

  /// Writes the model of `folder` in the format `format` to the folder `output`, with its tokenizer.
  ///
  /// The folder appears whole, or not at all; an earlier model folder of that name is replaced.
  ///
  /// Throws an `InputError` if `folder` is not a model folder or is quantised already, if `format` is single
  /// precision, or if `output` is the same folder, holds what is no part of a model or cannot be written.
  public static func write(
    _ folder: String, as format: WeightFormat, to output: String, backend: CPUBackend
  ) throws -> Summary {
    var configuration = try ModelConfiguration(folder: folder)
    if let present = configuration.quantization {
      throw InputError(
        "\(folder) is quantised already, as \(present.rawValue); take the folder it was made of")
    }
    guard format != .float32 else {
      throw InputError("float32 takes no less memory; choose bf16, int8 or int4")
    }
    if let read = FilePath.status(folder), let written = FilePath.status(output),
      read.st_dev == written.st_dev && read.st_ino == written.st_ino
    {
      throw InputError("\(output) is the folder that is read; choose another one to write")
    }
    let tensors = try ModelTensors(folder: folder)
    let layout = ParameterLayout(configuration)
    try tensors.check(against: layout, configuration: configuration, ignoresStrangers: true)
    if format.isQuantized { configuration.quantization = format }
    var summary = Summary(byteCount: 0, originalByteCount: 0, relativeError: 0)
    var files: [String: String] = [:]
    for name in ModelFolder.tokenizerFiles where FilePath.status("\(folder)/\(name)") != nil {
      files[name] = "\(folder)/\(name)"
    }
    try ModelFolder.write(to: output, configuration, copying: files) { path in
      let writer = QuantizedWriter(
        tensors: tensors, entries: entries(layout, configuration), format: format, backend: backend)
      summary = try writer.write(to: path)
    }
    return summary
  }

  /// A parameter as a quantised folder has it.
  struct Entry {
    let name: String
    /// The tensor of the original that it is made of.
    let source: String
    let shape: [Int]
    /// Whether it is a matrix other than the embedding.
    let isQuantized: Bool
  }

  /// The parameters in the order of the arena, for a tied model with its head if it lies apart from the
  /// embedding: in quantised folders, and where `splitsHead` says so.
  static func entries(
    _ layout: ParameterLayout, _ configuration: ModelConfiguration, splitsHead: Bool = false
  ) -> [Entry] {
    var entries = layout.entries.map {
      Entry(
        name: $0.name, source: $0.name, shape: $0.shape,
        isQuantized: $0.isMatrix && $0.name != ParameterName.embedding)
    }
    if configuration.tiesEmbeddings && (configuration.quantization != nil || splitsHead) {
      entries.append(
        Entry(
          name: ParameterName.head, source: ParameterName.embedding,
          shape: [configuration.vocabularySize, configuration.hiddenSize], isQuantized: true))
    }
    return entries
  }

  /// The name of the scales of a matrix.
  static func scales(_ name: String) -> String { name + "_scale" }
}

/// Writes the tensors of a model in a format that takes less memory, one at a time.
private struct QuantizedWriter {
  let tensors: ModelTensors
  let entries: [QuantizedFolder.Entry]
  let format: WeightFormat
  let backend: CPUBackend

  func write(to path: String) throws -> QuantizedFolder.Summary {
    var declarations: [SafetensorsWriter.Declaration] = []
    var scaleDeclarations: [SafetensorsWriter.Declaration] = []
    for entry in entries {
      let type = try type(of: entry)
      guard type == .u8 else {
        declarations.append(.init(name: entry.name, type: type, shape: entry.shape))
        continue
      }
      let shapes = format.quantizedShapes(rowCount: entry.shape[0], columnCount: entry.shape[1])
      declarations.append(.init(name: entry.name, type: .u8, shape: shapes.values))
      scaleDeclarations.append(
        .init(name: QuantizedFolder.scales(entry.name), type: .bf16, shape: shapes.scales))
    }
    let writer = try SafetensorsWriter(
      path: path, tensors: declarations + scaleDeclarations, metadata: ["format": "pt"])
    var error = WeightError()
    var scales: [[UInt8]] = []
    for (entry, declaration) in zip(entries, declarations) {
      let source = try tensors.tensor(entry.source)
      if declaration.type == source.type {
        try source.withBytes { try writer.write($0, type: declaration.type) }
      } else if declaration.type == .f32 {
        try writer.write(try source.floats())
      } else {
        let weight = try pack(source, entry.shape, &error)
        try writer.write(weight.values, type: declaration.type)
        scales.append(Array(weight.scales))
      }
    }
    for scale in scales { try scale.withUnsafeBytes { try writer.write($0, type: .bf16) } }
    try writer.finish()
    return QuantizedFolder.Summary(
      byteCount: writer.tensors.reduce(0) { $0 + $1.byteCount },
      originalByteCount: try Set(entries.map(\.source)).reduce(0) {
        let tensor = try tensors.tensor($1)
        return $0 + tensor.count * tensor.type.byteCount
      },
      relativeError: error.relative)
  }

  private func type(of entry: QuantizedFolder.Entry) throws -> SafetensorsType {
    if format.isQuantized && entry.isQuantized { return .u8 }
    if format == .bfloat16 && entry.shape.count == 2 { return .bf16 }
    return try tensors.tensor(entry.source).type == .bf16 ? .bf16 : .f32
  }

  private func pack(
    _ tensor: SafetensorsTensor, _ shape: [Int], _ error: inout WeightError
  ) throws -> PackedWeight {
    let matrix = Matrix(
      buffer: Buffer.host(byteCount: shape[0] * shape[1] * MemoryLayout<Float>.stride), rowCount: shape[0],
      columnCount: shape[1])
    try tensor.readFloats(
      from: 0, into: UnsafeMutableBufferPointer(start: matrix.hostAddress, count: matrix.count))
    let weight = PackedWeight(matrix, format: format, on: backend)
    error.add(weight.error(from: matrix))
    return weight
  }
}
