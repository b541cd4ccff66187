/// A safetensors file, mapped into memory and checked whole before anything is read from it.
///
/// ```swift
/// let file = try SafetensorsFile(path: "model.safetensors")
/// let norm = try file.tensor("model.norm.weight").floats()
/// ```
public struct SafetensorsFile: Sendable {
  /// Where the file was found.
  public let path: String
  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  /// The names of the tensors, in the order in which the header has them.
  public let names: [String]

  private let tensors: [String: SafetensorsTensor]

  /// Maps the file at `path`.
  ///
  /// Throws an ``InputError`` if the file cannot be read or its header is not sound: its size, its JSON, the
  /// types, and every shape and offset against the size of the file.
  public init(path: String) throws {
    let file = try MappedFile(path: path)
    let header: SafetensorsHeader
    do {
      header = try file.withBytes { try SafetensorsHeader(file: $0) }
    } catch let error as InputError {
      throw InputError("\(path) is not a sound safetensors file: \(error)")
    }
    self.path = path
    metadata = header.metadata
    names = header.entries.map(\.name)
    let pairs = header.entries.map {
      ($0.name, SafetensorsTensor(name: $0.name, type: $0.type, shape: $0.shape, file: file, range: $0.range))
    }
    tensors = Dictionary(uniqueKeysWithValues: pairs)
  }

  /// The tensor `name`. Throws an ``InputError`` if the file has none of that name.
  public func tensor(_ name: String) throws -> SafetensorsTensor {
    guard let tensor = tensors[name] else {
      let known = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
      throw InputError("\(path) has no tensor \(name); it holds \(known.isEmpty ? "none" : known)")
    }
    return tensor
  }

  /// The elements of the tensor `name` in single precision.
  public func floats(_ name: String) throws -> [Float] { try tensor(name).floats() }

  /// The elements of the tensor `name` in double precision.
  public func doubles(_ name: String) throws -> [Double] { try tensor(name).doubles() }
}
