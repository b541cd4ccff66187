import CastleFormats
import CastleOperations
import Foundation

/// The tensors of a model folder, in one file or in several.
struct ModelTensors {
  private let source: String
  private var tensors: [String: SafetensorsTensor] = [:]

  /// The tensors of one file.
  init(file path: String) throws {
    source = path
    let file = try SafetensorsFile(path: path)
    for name in file.names { tensors[name] = try file.tensor(name) }
  }

  /// The tensors of `model.safetensors`, or of all files that `model.safetensors.index.json` names.
  init(folder: String) throws {
    let manager = FileManager.default
    let whole = "\(folder)/\(ModelFolder.weights)"
    let index = "\(folder)/\(ModelFolder.index)"
    if manager.fileExists(atPath: whole) {
      try self.init(file: whole)
    } else if manager.fileExists(atPath: index) {
      try self.init(folder: folder, index: index)
    } else {
      throw InputError(
        "\(folder) has neither \(ModelFolder.weights) nor \(ModelFolder.index);"
          + " weights in another form must be saved as safetensors first")
    }
  }

  private init(folder: String, index: String) throws {
    source = index
    let file = try MappedFile(path: index)
    let members = try file.withBytes { try JSONValue.object($0, source: index) }
    guard case .object(let map) = members["weight_map"] else {
      throw InputError("\(index) has no weight_map, which names the file of each tensor")
    }
    var files: [String: SafetensorsFile] = [:]
    for (name, value) in map.sorted(by: { $0.key < $1.key }) {
      guard case .string(let part) = value, !part.contains("/"), part.hasSuffix(".safetensors") else {
        throw InputError(
          "\(index) gives \(value.text) as the file of \(name), it must be a safetensors file beside it")
      }
      let file = try files[part] ?? SafetensorsFile(path: "\(folder)/\(part)")
      files[part] = file
      tensors[name] = try file.tensor(name)
    }
  }

  /// The tensor called `name`, which ``check(against:configuration:)`` has found.
  func tensor(_ name: String) throws -> SafetensorsTensor {
    guard let tensor = tensors[name] else { throw InputError("\(source) lacks the tensor \(name)") }
    return tensor
  }

  /// Throws unless the tensors are the parameters of `layout`, in their shapes and of numbers.
  func check(against layout: ParameterLayout, configuration: ModelConfiguration) throws {
    let expected = expectations(layout, configuration)
    let missing = expected.map(\.name).filter { tensors[$0] == nil }
    guard missing.isEmpty else {
      throw InputError("\(source) lacks \(Self.list(missing)), which config.json asks for")
    }
    let known = Set(expected.map(\.name))
    let extra = tensors.keys.filter { !known.contains($0) && !Self.isIgnorable($0, configuration) }
    guard extra.isEmpty else {
      throw InputError("\(source) holds \(Self.list(extra.sorted())), which config.json does not ask for")
    }
    for entry in expected {
      let tensor = try tensor(entry.name)
      guard tensor.shape == entry.shape else {
        throw InputError(
          "\(source): \(entry.name) has the shape \(tensor.shape), config.json asks for \(entry.shape)")
      }
      if let type = entry.type {
        guard tensor.type == type else {
          throw InputError(
            "\(source): \(entry.name) is \(tensor.type.rawValue), in this format it must be \(type.rawValue)")
        }
      } else if !tensor.type.isFloatingPoint {
        throw InputError(
          "\(source): \(entry.name) is \(tensor.type.rawValue), weights must be F32, F16, BF16 or F64")
      }
    }
  }

  /// A tensor that must be there; a floating-point one if no type is given.
  private struct Expectation {
    let name: String
    let shape: [Int]
    var type: SafetensorsType?
  }

  private func expectations(
    _ layout: ParameterLayout, _ configuration: ModelConfiguration
  ) -> [Expectation] {
    guard let format = configuration.quantization else {
      return layout.entries.map { Expectation(name: $0.name, shape: $0.shape) }
    }
    return QuantizedFolder.entries(layout, configuration).flatMap { entry in
      guard entry.isQuantized else { return [Expectation(name: entry.name, shape: entry.shape)] }
      let shapes = format.quantizedShapes(rowCount: entry.shape[0], columnCount: entry.shape[1])
      return [
        Expectation(name: entry.name, shape: shapes.values, type: .u8),
        Expectation(name: QuantizedFolder.scales(entry.name), shape: shapes.scales, type: .bf16),
      ]
    }
  }

  /// Copies that carry nothing new: the head of a tied model, and tables of rotary frequencies.
  private static func isIgnorable(_ name: String, _ configuration: ModelConfiguration) -> Bool {
    name.hasSuffix(".rotary_emb.inv_freq") || (configuration.tiesEmbeddings && name == ParameterName.head)
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    return names.count > 4 ? "\(shown) and \(names.count - 4) more tensors" : "the tensors \(shown)"
  }
}
