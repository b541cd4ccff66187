import CastleFormats

/// Reads and writes tokenizers.
public enum TokenizerFile {
  /// The tokenizer in a Hugging Face `tokenizer.json`, in a folder that holds one, or in a folder that holds
  /// GPT-2's `vocab.json` and `merges.txt`.
  ///
  /// - Throws: ``InputError`` if the file is missing or malformed, or asks for something that is not implemented.
  public static func read(path: String) throws -> Tokenizer {
    throw InputError("\(path): not a tokenizer")
  }

  /// The bytes of a `tokenizer.json` that Python's `tokenizers` loads with the same ids.
  public static func json(_ tokenizer: Tokenizer) -> [UInt8] {
    []
  }

  /// Writes a `tokenizer.json`, whole or not at all.
  public static func write(_ tokenizer: Tokenizer, path: String) throws {
    throw InputError("\(path): cannot be written")
  }
}
