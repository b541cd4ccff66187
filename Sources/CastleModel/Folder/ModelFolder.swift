import CastleFormats
import Foundation

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

  /// Throws an `InputError` if `path` is a GGUF file or a folder with one.
  static func refuseGGUF(_ path: String) throws {
    let inside = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
    let candidates = [path] + inside.map { "\(path)/\($0)" }
    guard let file = candidates.first(where: { $0.lowercased().hasSuffix(".gguf") }) else { return }
    throw InputError(
      "\(file) is a GGUF file, which is not read: give the folder of the model with its config.json and safetensors"
    )
  }

  /// Whether a file of this name may be replaced together with its folder.
  static func isPart(_ name: String) -> Bool {
    [configuration, generation, tokenizer, weights].contains(name) || python.contains { $0.name == name }
  }
}
