/// The names of the files of a model folder.
enum ModelFolder {
  static let configuration = "config.json"
  static let generation = "generation_config.json"
  static let tokenizer = "tokenizer.json"
  static let weights = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// Whether a file of this name may be replaced together with its folder.
  static func isPart(_ name: String) -> Bool {
    [configuration, generation, tokenizer, weights].contains(name)
  }
}
