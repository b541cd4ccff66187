import CastleFormats
import Foundation

extension LanguageModel {
  /// Writes a model folder: `config.json`, `model.safetensors`, `generation_config.json`, and for models with
  /// lookahead keys or a shift of keys and values the code with which Python's transformers loads them. With
  /// `tokenizer`, also a copy of that file as `tokenizer.json` and a `tokenizer_config.json` that names the
  /// tokens with which a text starts and ends.
  ///
  /// The folder appears whole, or not at all. An earlier model folder of that name is replaced; without
  /// `tokenizer`, its `tokenizer.json` is kept.
  ///
  /// - Throws: ``InputError`` if the folder cannot be written, or holds files that are no part of a model, or
  ///   if the model is for inference alone.
  public func save(to folder: String, tokenizer: String? = nil) throws {
    try checkIsTrainable()
    var tokenizer = tokenizer
    if tokenizer == nil, FilePath.exists("\(folder)/\(ModelFolder.tokenizer)") {
      tokenizer = "\(folder)/\(ModelFolder.tokenizer)"
    }
    let files = tokenizer.map { [ModelFolder.tokenizer: $0] } ?? [:]
    try ModelFolder.write(to: folder, configuration, copying: files, weights: saveWeights)
  }

  /// Writes the weights alone, as a safetensors file with the names of Hugging Face's LLaMA.
  ///
  /// - Throws: ``InputError`` if the file cannot be written or the model is for inference alone.
  public func saveWeights(to path: String) throws {
    try checkIsTrainable()
    let tensors = layout.entries.map {
      SafetensorsWriter.Declaration(name: $0.name, type: .f32, shape: $0.shape)
    }
    let writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: ["format": "pt"])
    for entry in layout.entries {
      try forEachPiece(of: entry) { try writer.write($0) }
    }
    try writer.finish()
  }
}
