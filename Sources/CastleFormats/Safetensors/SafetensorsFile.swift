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
  /// The names of the tensors that can be read, in the order in which the header has them.
  public let names: [String]
  /// The types of the tensors that cannot be read, such as U8 of quantized weights, by name.
  public let unreadableTypes: [String: String]

  /// The tensors by the bytes of their names: two that `String` takes for equal, such as U+03A9 and U+2126,
  /// are two.
  private let tensors: [[UInt8]: SafetensorsTensor]

  /// Maps the file at `path`. Tensors of types that are not read may lie in it.
  ///
  /// - Throws: ``InputError`` if the file cannot be read or its header is not sound: its size, its JSON, the
  ///   types, and every shape and offset against the size of the file.
  public init(path: String) throws {
    let file = try MappedFile(path: path)
    let header: SafetensorsHeader
    try file.withBytes { try DownloadedFile.check($0, path: path) }
    do {
      header = try file.withBytes { try SafetensorsHeader(file: $0) }
    } catch let error as InputError {
      throw error.within("\(path) is not a sound safetensors file")
    }
    self.path = path
    metadata = header.metadata
    var tensors: [[UInt8]: SafetensorsTensor] = [:]
    var names: [String] = []
    var unreadable: [String: String] = [:]
    for entry in header.entries {
      guard let type = entry.type else {
        unreadable[entry.name] = entry.typeName
        continue
      }
      names.append(entry.name)
      tensors[Array(entry.name.utf8)] = SafetensorsTensor(
        name: entry.name, type: type, shape: entry.shape, file: file, range: entry.range)
    }
    self.names = names
    self.tensors = tensors
    unreadableTypes = unreadable
  }

  /// The tensor `name`.
  ///
  /// - Throws: ``InputError`` if the file has none of that name.
  public func tensor(_ name: String) throws -> SafetensorsTensor {
    guard let tensor = tensors[Array(name.utf8)] else {
      if let type = unreadableTypes[name] {
        throw InputError("\(path): the tensor \(name) has the type \(type), \(SafetensorsType.choices)")
      }
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
