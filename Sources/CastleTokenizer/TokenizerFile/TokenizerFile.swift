import CastleFormats
import Foundation

/// Reads and writes tokenizers.
public enum TokenizerFile {
  /// The tokenizer in a Hugging Face `tokenizer.json`, in a folder that holds one, or in a folder that holds
  /// GPT-2's `vocab.json` and `merges.txt`.
  ///
  /// In a folder, `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` count too, as
  /// they do in transformers. A file that is named itself stands alone.
  ///
  /// - Throws: ``InputError`` if the file is missing or malformed, or asks for something that is not
  ///   implemented.
  public static func read(path: String) throws -> Tokenizer {
    let name = FilePath.name(of: path)
    if name == "vocab.json" || name == "merges.txt" {
      return try GPT2Files.read(folder: AtomicFile.folder(of: path))
    }
    guard FilePath.exists(path) else {
      throw InputError("there is no tokenizer at \(path); give a tokenizer.json or a folder that holds one")
    }
    guard FilePath.isFolder(path) else { return try readJSON(path: path) }
    func child(_ name: String) -> String { FilePath.path(name, in: path) }
    func exists(_ name: String) -> Bool { FilePath.exists(child(name)) }
    if exists("tokenizer.json") {
      return try readJSON(path: child("tokenizer.json"), settings: FolderSettings(folder: path))
    }
    if exists("vocab.json"), exists("merges.txt") { return try GPT2Files.read(folder: path) }
    throw InputError("\(path) holds neither tokenizer.json nor vocab.json and merges.txt")
  }

  /// The tokenizer of a model folder; nil if it has none.
  ///
  /// - Throws: ``InputError`` if there is one that cannot be read.
  public static func read(ifPresentIn folder: String) throws -> Tokenizer? {
    let isPresent = ["tokenizer.json", "vocab.json"].contains {
      FilePath.exists(FilePath.path($0, in: folder))
    }
    return isPresent ? try read(path: folder) : nil
  }

  private static func readJSON(path: String, settings: FolderSettings? = nil) throws -> Tokenizer {
    let file = try MappedFile(path: path)
    return try file.withBytes {
      try DownloadedFile.check($0, path: path)
      return try parse($0.bindMemory(to: UInt8.self), name: path, settings: settings)
    }
  }

  /// The tokenizer in the bytes of a `tokenizer.json`, which errors call `name`.
  public static func parse(_ json: UnsafeBufferPointer<UInt8>, name: String) throws -> Tokenizer {
    try parse(json, name: name, settings: nil)
  }

  private static func parse(
    _ json: UnsafeBufferPointer<UInt8>, name: String, settings: FolderSettings?
  ) throws -> Tokenizer {
    var document = TokenizerDocument(name: name)
    var scanner = JSONScanner(UnsafeRawBufferPointer(json), name: name)
    try document.read(&scanner)
    if let settings { try document.apply(settings) }
    return try document.tokenizer()
  }

  /// Writes a `tokenizer.json`, whole or not at all.
  ///
  /// - Throws: ``InputError`` if the file cannot be written.
  public static func write(_ tokenizer: Tokenizer, path: String) throws {
    try AtomicFile.write(json(tokenizer), path: path)
  }
}
