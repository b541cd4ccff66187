import CastleFormats
public import CastleOperations

extension LanguageModel {
  /// Reads a model folder: one of ours, or one of a LLaMA, Mistral, Qwen2 or Qwen3 model in Hugging Face's
  /// form, with weights in F32, F16, BF16 or F64, in one safetensors file or several with an index.
  ///
  /// The model can be trained, unless the folder is a quantized one.
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
    guard configuration.quantization == nil else {
      try self.init(folder: folder, configuration: configuration, weights: nil, backend: backend, note: note)
      return
    }
    let tensors = try Self.tensors(folder, configuration, note)
    try self.init(uninitialized: configuration, backend: backend)
    try load(tensors)
  }

  /// Reads a model folder for inference alone, with the matrices in the format `weights`, or with nil as they
  /// lie in the folder.
  ///
  /// What the folder has in the wanted format is used where the file is mapped; the rest is converted while
  /// it is read. F16 and F64 are taken as single precision. In quantised formats the embedding stays as it
  /// lies, as norms always do. A backend that does not read packed weights gets all of them in single
  /// precision.
  ///
  /// Throws an `InputError` as ``init(folder:backend:note:)`` does, or if `weights` is not the format of a
  /// quantised folder.
  public convenience init(
    folder: String, weights: WeightFormat?, backend: any Backend, note: (String) -> Void = { _ in }
  ) throws {
    let configuration = try ModelConfiguration(folder: folder)
    try self.init(
      folder: folder, configuration: configuration, weights: weights, backend: backend, note: note)
  }

  /// Reads the weights of a model folder for inference alone into a model of `configuration`; see
  /// ``init(folder:weights:backend:note:)``.
  public convenience init(
    folder: String, configuration: ModelConfiguration, weights: WeightFormat?, backend: any Backend,
    note: (String) -> Void = { _ in }
  ) throws {
    if let quantization = configuration.quantization, let weights, weights != quantization {
      throw InputError(
        "\(folder) holds weights in \(quantization.rawValue), which cannot become \(weights.rawValue);"
          + " take the folder that was quantised")
    }
    guard backend.readsPackedWeights || configuration.quantization != nil else {
      try self.init(folder: folder, configuration: configuration, backend: backend, note: note)
      return
    }
    let tensors = try Self.tensors(folder, configuration, note)
    let loader = try WeightLoader(tensors, configuration: configuration, format: weights, backend: backend)
    try self.init(configuration, weights: loader.weights(), backend: backend)
  }

  /// Reads the weights from a safetensors file that ``saveWeights(to:)`` wrote.
  ///
  /// - Throws: ``InputError`` that names the tensor which is missing, superfluous or of the wrong shape, or
  ///   if the model is for inference alone; the weights are then as before.
  public func loadWeights(from path: String) throws {
    try checkIsTrainable()
    let tensors = try ModelTensors(file: path)
    try tensors.check(against: layout, configuration: configuration, ignoresStrangers: false)
    try load(tensors)
  }

  /// The tensors of a folder, checked.
  private static func tensors(
    _ folder: String, _ configuration: ModelConfiguration, _ note: (String) -> Void
  ) throws -> ModelTensors {
    let tensors = try ModelTensors(folder: folder)
    try tensors.check(
      against: ParameterLayout(configuration), configuration: configuration, ignoresStrangers: true,
      note: note)
    if try !configuration.tiesEmbeddings && ModelConfiguration.saysTied(folder: folder) {
      note(
        "\(folder)/\(ModelFolder.configuration) says tie_word_embeddings, "
          + "but \(ParameterName.head) differs from the embedding: it is used")
    }
    return tensors
  }

  private func load(_ tensors: ModelTensors) throws {
    for entry in layout.entries {
      let tensor = try tensors.tensor(entry.name)
      try fill(entry) { start, piece in try tensor.readFloats(from: start, into: piece) }
    }
  }
}
