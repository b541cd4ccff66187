import CastleFormats

/// The `tokenizer_config.json` of a model folder: which tokens start and end a text, by their names, as
/// transformers' `AutoTokenizer` wants to know it.
enum TokenizerSettings {
  static let name = "tokenizer_config.json"

  /// The file for a model and a `tokenizer.json`; nil if the tokenizer has no token that starts or ends a
  /// text.
  ///
  /// - Throws: ``InputError`` if the tokenizer cannot be read.
  static func json(_ configuration: ModelConfiguration, tokenizer path: String) throws -> [UInt8]? {
    let tokens = try addedTokens(path)
    var members: JSONValue.Members = [:]
    let roles = [
      ("bos_token", configuration.beginOfTextID), ("eos_token", configuration.endOfTextIDs.first),
      ("pad_token", configuration.paddingID),
    ]
    for (role, id) in roles {
      guard let id, let token = tokens.first(where: { $0["id"] == .integer(id) }) else { continue }
      members[role] = token["content"]
    }
    guard !members.isEmpty else { return nil }
    members["clean_up_tokenization_spaces"] = .bool(false)
    members["tokenizer_class"] = .string("PreTrainedTokenizerFast")
    return Array(JSONValue.object(members).indentedText.utf8)
  }

  /// The `added_tokens` of a `tokenizer.json`.
  private static func addedTokens(_ path: String) throws -> [JSONValue] {
    try MappedFile(path: path).withBytes { bytes in
      var scanner = JSONScanner(bytes, name: path)
      var tokens: [JSONValue] = []
      try scanner.object { scanner in
        guard scanner.string.elementsEqual("added_tokens".utf8) else { return try scanner.skipValue() }
        if case .list(let list) = try scanner.value() { tokens = list }
      }
      try scanner.finish()
      return tokens
    }
  }
}
