import CastleFormats

/// Reads the settings of a `tokenizer.json`, and refuses those under which its tokens would be others than
/// ours.
struct TokenizerSettings {
  /// What errors call the file.
  let name: String

  func check(_ settings: JSONValue.Members) throws {
    for key in settings.keys.sorted() {
      switch key {
      case "version", "truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder":
        break
      default: throw InputError("\(name) has the part \"\(key)\", which is not implemented")
      }
    }
  }

  /// What the model says beside its vocabulary and merges.
  func model(_ model: JSONValue.Members) throws -> BytePairSettings {
    guard model["type"] == nil || model["type"] == .string("BPE") else {
      throw InputError("\(name) has the model \(describe(.object(model))); only BPE is implemented")
    }
    var settings = BytePairSettings()
    for (key, value) in model.sorted(by: { $0.key < $1.key }) {
      switch (key, value) {
      case ("type", _), ("unk_token", .null): continue
      case ("dropout", .null), ("dropout", .integer(0)), ("dropout", .number(0)): continue
      case ("continuing_subword_prefix", .null), ("continuing_subword_prefix", .string("")): continue
      case ("end_of_word_suffix", .null), ("end_of_word_suffix", .string("")): continue
      case ("unk_token", .string(let token)): settings.unknownToken = token
      case ("fuse_unk", .bool(let value)): settings.fusesUnknown = value
      case ("byte_fallback", .bool(let value)): settings.fallsBackToBytes = value
      case ("ignore_merges", .bool(let value)): settings.ignoresMerges = value
      default: throw InputError("\(name): the model's \(key) \(describe(value)) is not implemented")
      }
    }
    return settings
  }

  private func describe(_ value: JSONValue) -> String {
    switch value {
    case .list: return "[…]"
    case .object:
      if case .string(let type) = value["type"] { return type }
      return "{…}"
    default: return value.text
    }
  }
}
