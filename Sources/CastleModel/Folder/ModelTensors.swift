import CastleFormats
import Foundation

/// The tensors of a model folder, in one file or in several.
struct ModelTensors {
  private let source: String
  private var tensors: [String: SafetensorsTensor] = [:]
  /// The types of the tensors that cannot be read, by name.
  private var unreadable: [String: String] = [:]

  /// The tensors of one file.
  init(file path: String) throws {
    source = path
    let file = try SafetensorsFile(path: path)
    for name in file.names { tensors[name] = try file.tensor(name) }
    unreadable = file.unreadableTypes
  }

  /// The tensors of `model.safetensors`, or of all files that `model.safetensors.index.json` names.
  init(folder: String) throws {
    let whole = "\(folder)/\(ModelFolder.weights)"
    let index = "\(folder)/\(ModelFolder.index)"
    if FilePath.exists(whole) {
      try self.init(file: whole)
    } else if FilePath.exists(index) {
      try self.init(folder: folder, index: index)
    } else {
      try ModelFolder.refuseGGUF(folder)
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
      if let type = file.unreadableTypes[name] {
        unreadable[name] = type
      } else {
        tensors[name] = try file.tensor(name)
      }
    }
  }

  /// The tensor called `name`, which ``check(against:ignoresStrangers:note:)`` has found.
  func tensor(_ name: String) throws -> SafetensorsTensor {
    guard let tensor = tensors[name] else { throw InputError("\(source) lacks the tensor \(name)") }
    return tensor
  }

  /// Throws unless the tensors are the parameters of `layout`, in their shapes and of numbers.
  ///
  /// With `ignoresStrangers`, tensors that no model of the family has are named in a note. Parameters that
  /// the configuration does not ask for are refused all the same: without them, the model would be another
  /// one.
  func check(
    against layout: ParameterLayout, ignoresStrangers: Bool, note: (String) -> Void = { _ in }
  ) throws {
    for entry in layout.entries {
      guard let type = unreadable[entry.name] else { continue }
      throw InputError("\(source): \(entry.name) is \(type), weights must be F32, F16, BF16 or F64")
    }
    let missing = layout.entries.map(\.name).filter { tensors[$0] == nil }
    guard missing.isEmpty else {
      throw InputError("\(source) lacks \(Self.list(missing)), which config.json asks for")
    }
    try checkStrangers(layout, ignores: ignoresStrangers, note: note)
    for entry in layout.entries {
      let tensor = try tensor(entry.name)
      guard tensor.shape == entry.shape else {
        throw InputError(
          "\(source): \(entry.name) has the shape \(tensor.shape), config.json asks for \(entry.shape)")
      }
      guard tensor.type.isFloatingPoint else {
        throw InputError(
          "\(source): \(entry.name) is \(tensor.type.rawValue), weights must be F32, F16, BF16 or F64")
      }
    }
  }

  private func checkStrangers(_ layout: ParameterLayout, ignores: Bool, note: (String) -> Void) throws {
    let known = Set(layout.entries.map(\.name))
    let extra = (Array(tensors.keys) + unreadable.keys).sorted().filter {
      !known.contains($0) && !carriesNothing($0)
    }
    let contradicting = ignores ? extra.filter(ParameterName.isOfSomeModel) : extra
    guard contradicting.isEmpty else {
      throw InputError("\(source) holds \(Self.list(contradicting)), which config.json does not ask for")
    }
    if !extra.isEmpty { note("\(source) holds \(Self.list(extra)), which the model has no use for: ignored") }
  }

  /// Whether a tensor that the model lacks changes nothing: the head of a tied model, which is the embedding,
  /// tables of rotary frequencies, and biases of zeros.
  private func carriesNothing(_ name: String) -> Bool {
    if name.hasSuffix(".rotary_emb.inv_freq") || name == ParameterName.head { return true }
    guard name.hasSuffix(".bias"), let values = try? tensors[name]?.floats() else { return false }
    return values.allSatisfy { $0 == 0 }
  }

  /// Whether there is an output head that differs from the embedding.
  var hasHeadOfItsOwn: Bool {
    guard let head = tensors[ParameterName.head], let embedding = tensors[ParameterName.embedding],
      head.type.isFloatingPoint, embedding.type.isFloatingPoint, head.shape == embedding.shape
    else { return false }
    if head.type == embedding.type {
      return head.withBytes { head in embedding.withBytes { !head.elementsEqual($0) } }
    }
    return (try? head.floats() != embedding.floats()) ?? false
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    return names.count > 4 ? "\(shown) and \(names.count - 4) more tensors" : "the tensors \(shown)"
  }
}
