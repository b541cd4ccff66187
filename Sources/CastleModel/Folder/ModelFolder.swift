import CastleFormats
import Foundation

/// The files of a model folder.
enum ModelFolder {
  static let configuration = "config.json"
  static let generation = "generation_config.json"
  static let tokenizer = "tokenizer.json"
  static let weights = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// The code with which Python's transformers loads a model with lookahead keys.
  static var python: [(name: String, bytes: [UInt8])] {
    [
      ("configuration_castle.py", PackageResources.configuration_castle_py),
      ("modeling_castle.py", PackageResources.modeling_castle_py),
    ]
  }

  /// Throws an `InputError` if `path` is a GGUF file or a folder with one.
  static func refuseGGUF(_ path: String) throws {
    let inside = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
    let candidates = [path] + inside.map { "\(path)/\($0)" }
    guard let file = candidates.first(where: { $0.lowercased().hasSuffix(".gguf") }) else { return }
    throw InputError(
      "\(file) is a GGUF file, which is not read: give the folder of the model with its config.json and "
        + "safetensors"
    )
  }

  /// The files that say how text becomes tokens, as far as models have them.
  static let tokenizerFiles = [
    tokenizer, TokenizerSettings.name, "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt",
    "chat_template.jinja",
  ]

  /// Whether a file of this name may be replaced together with its folder.
  static func isPart(_ name: String) -> Bool {
    [configuration, generation, tokenizer, TokenizerSettings.name, weights].contains(name)
      || python.contains { $0.name == name }
  }

  /// Writes a model folder, whole or not at all, with `copying`, files by their new names, and for a
  /// tokenizer without one a `tokenizer_config.json`. `weights` writes the tensors.
  ///
  /// Throws an `InputError` if the folder cannot be written, or holds files that are no part of a model.
  static func write(
    to folder: String, _ configuration: ModelConfiguration, copying files: [String: String],
    weights: (_ path: String) throws -> Void
  ) throws {
    let present = FilePath.entries(ofFolder: folder) ?? []
    if let stranger = present.first(where: { !isPart($0) && files[$0] == nil }) {
      throw InputError("\(folder) holds \(stranger), which is no part of a model: choose another folder")
    }
    try AtomicFolder.write(to: folder, replaces: true) { temporary in
      try AtomicFile.write(configuration.json, path: "\(temporary)/\(Self.configuration)")
      try AtomicFile.write(configuration.generationJSON, path: "\(temporary)/\(generation)")
      if configuration.needsOwnCode && configuration.quantization == nil {
        for (name, bytes) in python { try AtomicFile.write(bytes, path: "\(temporary)/\(name)") }
      }
      for (name, path) in files.sorted(by: { $0.key < $1.key }) {
        try MappedFile(path: path).withBytes { try AtomicFile.write($0, path: "\(temporary)/\(name)") }
      }
      if let tokenizer = files[tokenizer], files[TokenizerSettings.name] == nil,
        let settings = try TokenizerSettings.json(configuration, tokenizer: tokenizer)
      {
        try AtomicFile.write(settings, path: "\(temporary)/\(TokenizerSettings.name)")
      }
      try weights("\(temporary)/\(Self.weights)")
    }
  }
}
