/// The names of the files of a model folder.
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

  /// Whether a file of this name may be replaced together with its folder.
  static func isPart(_ name: String) -> Bool {
    [configuration, generation, tokenizer, weights].contains(name) || python.contains { $0.name == name }
  }
}
