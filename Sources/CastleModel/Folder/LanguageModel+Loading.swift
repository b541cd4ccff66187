import CastleFormats
public import CastleOperations

extension LanguageModel {
  /// Reads a model folder: one of ours, or one of a LLaMA, Mistral, Qwen2 or Qwen3 model in Hugging Face's
  /// form, with weights in F32, F16, BF16 or F64, in one safetensors file or several with an index.
  ///
  /// - Parameter note: Gets a line for what the folder holds beyond the model, such as tensors that are
  ///   ignored.
  ///
  /// - Throws: ``InputError`` that names the file, key or tensor which is missing, superfluous or of the
  ///   wrong shape, and what would be right.
  public convenience init(
    folder: String, backend: any Backend, note: (String) -> Void = { _ in }
  ) throws {
    let configuration = try ModelConfiguration(folder: folder)
    try self.init(folder: folder, configuration: configuration, backend: backend, note: note)
  }

  /// Reads the weights of a model folder into a model of `configuration`, which must have parameters of the
  /// same shapes.
  ///
  /// - Throws: ``InputError`` that names the file or tensor which is missing, superfluous or of the wrong
  ///   shape.
  public convenience init(
    folder: String, configuration: ModelConfiguration, backend: any Backend,
    note: (String) -> Void = { _ in }
  ) throws {
    let tensors = try ModelTensors(folder: folder)
    try tensors.check(against: ParameterLayout(configuration), ignoresStrangers: true, note: note)
    if try !configuration.tiesEmbeddings && ModelConfiguration.saysTied(folder: folder) {
      note(
        "\(folder)/\(ModelFolder.configuration) says tie_word_embeddings, "
          + "but \(ParameterName.head) differs from the embedding: it is used")
    }
    try self.init(uninitialized: configuration, backend: backend)
    try load(tensors)
  }

  /// Reads the weights from a safetensors file that ``saveWeights(to:)`` wrote.
  ///
  /// - Throws: ``InputError`` that names the tensor which is missing, superfluous or of the wrong shape, or
  ///   if the model is for inference alone; the weights are then as before.
  public func loadWeights(from path: String) throws {
    try checkIsTrainable()
    let tensors = try ModelTensors(file: path)
    try tensors.check(against: layout, ignoresStrangers: false)
    try load(tensors)
  }

  private func load(_ tensors: ModelTensors) throws {
    for entry in layout.entries {
      let tensor = try tensors.tensor(entry.name)
      try fill(entry) { start, piece in try tensor.readFloats(from: start, into: piece) }
    }
  }
}
