import CastleAttention
import CastleFormats
public import CastleModel
import CastleOperations
import CastleText

extension ModelSettings {
  /// The model that these settings describe, for texts of `tokenizer`.
  ///
  /// - Throws: ``InputError`` if a value does not fit the others.
  public func configuration(
    vocabularySize tokenizerSize: Int, endOfText: Int32?, length: Int
  ) throws -> ModelConfiguration {
    var result = try initial.map(Self.read) ?? ModelPreset(preset).configuration
    try apply(to: &result)
    result.vocabularySize = vocabularySize ?? (initial == nil ? tokenizerSize : result.vocabularySize)
    guard result.vocabularySize >= tokenizerSize else {
      throw InputError(
        "model.vocabulary-size is \(result.vocabularySize), fewer than the \(tokenizerSize) tokens of the tokenizer"
      )
    }
    if initial == nil {
      result.maximumLength = max(length, Self.leastMaximumLength)
      result.endOfTextIDs = endOfText.map { [Int($0)] } ?? []
      result.beginOfTextID = endOfText.map { Int($0) }
    }
    try result.validate()
    return result
  }

  private static let leastMaximumLength = 1024

  private static func read(folder: String) throws -> ModelConfiguration {
    let path = folder + "/config.json"
    return try ModelConfiguration(json: try MappedFile(path: path).withBytes { Array($0) }, source: path)
  }

  private func apply(to result: inout ModelConfiguration) throws {
    if let layers { result.layerCount = layers }
    if let size {
      result.modelSize = size
      result.hiddenSize = hidden ?? 8 * size / 3
    } else if let hidden {
      result.hiddenSize = hidden
    }
    let queryHeads = heads ?? result.heads.queryHeads
    let keys = keyHeads ?? (heads == nil ? result.heads.keyHeads : queryHeads)
    guard queryHeads % keys == 0 else {
      throw InputError(
        "model.key-heads is \(keys), which does not divide model.heads, which is \(queryHeads)")
    }
    result.heads = HeadLayout(
      queryHeads: queryHeads, keyHeads: keys, headSize: headSize ?? result.heads.headSize)
    if let window { result.mechanism.window = .tokens(window) }
    if let appliesSiLU { result.mechanism.appliesSiLU = appliesSiLU }
    if let usesCausalKeys { result.mechanism.usesCausalKeys = usesCausalKeys }
    if let tiesEmbeddings { result.tiesEmbeddings = tiesEmbeddings }
    if let rotatesLookaheadValues { result.rotatesLookaheadValues = rotatesLookaheadValues }
  }
}
