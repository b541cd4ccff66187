public import CastleCorpus
import CastleFormats

extension DataSettings {
  /// Opens the text to train on, or that of another folder whose tokens have the same tokenizer.
  ///
  /// - Throws: `InputError` if it is missing, damaged or no text.
  public func open(_ folder: String? = nil) throws -> PreparedCorpus {
    try PreparedCorpus(
      folder: folder ?? shards, tokenizer: tokenizer, width: width)
  }
}
