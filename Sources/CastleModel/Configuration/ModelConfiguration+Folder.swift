import CastleFormats
import Foundation

extension ModelConfiguration {
  /// Reads the configuration of a model folder: its `config.json`, and of `generation_config.json`, if there
  /// is one, the tokens that start, end and fill texts. Where both files name them, the latter counts, as in
  /// Python's `transformers`. Where `config.json` ties the output head to the embedding, but the weights have
  /// one that differs, it is not tied.
  ///
  /// - Throws: ``InputError`` that names the file and the key.
  public init(folder: String) throws {
    let path = "\(folder)/\(ModelFolder.configuration)"
    guard FilePath.exists(path) else {
      try ModelFolder.refuseGGUF(folder)
      let inside = "\(folder)/model"
      let hint =
        FilePath.exists("\(inside)/\(ModelFolder.configuration)")
        ? "; the model of this run is \(inside)" : ""
      throw InputError("\(folder) is not a model folder: it has no \(ModelFolder.configuration)\(hint)")
    }
    self = try MappedFile(path: path).withBytes { try ModelConfiguration(json: $0, source: path) }
    // What is wrong with the weights is told when they are read.
    if tiesEmbeddings, let tensors = try? ModelTensors(folder: folder), tensors.hasHeadOfItsOwn {
      tiesEmbeddings = false
    }
    let generation = "\(folder)/\(ModelFolder.generation)"
    if FilePath.exists(generation) {
      try MappedFile(path: generation).withBytes { try readGeneration($0, source: generation) }
    }
  }

  /// Whether the `config.json` of a folder ties the output head to the embedding, whatever the weights are.
  static func saysTied(folder: String) throws -> Bool {
    let path = "\(folder)/\(ModelFolder.configuration)"
    guard FilePath.exists(path) else { return false }
    let members = try MappedFile(path: path).withBytes {
      try JSONValue.object($0, source: path, readsPythonNumbers: true)
    }
    return members["tie_word_embeddings"] == .bool(true)
  }

  /// Takes over what a `generation_config.json` says about tokens. Ids that the model cannot choose are left
  /// out.
  private mutating func readGeneration(_ bytes: UnsafeRawBufferPointer, source: String) throws {
    let object = ConfigurationObject(
      members: try JSONValue.object(bytes, source: source, readsPythonNumbers: true))
    let vocabulary = 0..<vocabularySize
    do {
      let ends = try object.integers("eos_token_id").filter(vocabulary.contains)
      if !ends.isEmpty { endOfTextIDs = ends }
      if let id = try object.integer(ifPresent: "bos_token_id"), vocabulary.contains(id) {
        beginOfTextID = id
      }
      if let id = try object.integer(ifPresent: "pad_token_id"), vocabulary.contains(id) { paddingID = id }
    } catch let error as InputError {
      throw error.within("\(source)")
    }
  }
}
