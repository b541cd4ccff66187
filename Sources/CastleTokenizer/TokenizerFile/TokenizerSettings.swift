import CastleFormats

/// Refuses the settings of a `tokenizer.json` under which its tokens would be others than ours.
struct TokenizerSettings {
  /// What errors call the file.
  let name: String
  /// Whether every byte is a token, so that what a file says of unknown characters never applies.
  let hasAllBytes: Bool

  func check(_ settings: [String: JSONValue], model: [String: JSONValue]) throws {
    for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "version": break
      case "truncation", "padding", "normalizer": try expectNull(value, key)
      case "pre_tokenizer", "post_processor": break
      case "decoder": try checkDecoder(value)
      default: throw InputError("\(name) has the part \"\(key)\", which is not implemented")
      }
    }
    try checkPreTokenizer(settings["pre_tokenizer"] ?? .null)
    try checkModel(model)
  }

  private func expectNull(_ value: JSONValue, _ key: String) throws {
    guard value == .null else {
      throw InputError("\(name) has the \(key) \(describe(value)); only null is implemented")
    }
  }

  private func checkPreTokenizer(_ value: JSONValue) throws {
    guard value["type"] == .string("ByteLevel") else {
      throw InputError(
        "\(name) has the pre_tokenizer \(describe(value)); only ByteLevel is implemented")
    }
    guard value["add_prefix_space"] == .bool(false) else {
      throw InputError("\(name): ByteLevel with add_prefix_space is not implemented; it must be false")
    }
    guard value["use_regex"] != .bool(false) else {
      throw InputError("\(name): ByteLevel without use_regex is not implemented; it must be true")
    }
  }

  /// Without a decoder, the bytes of the tokens are joined, as ByteLevel does.
  private func checkDecoder(_ value: JSONValue) throws {
    guard value == .null || value["type"] == .string("ByteLevel") else {
      throw InputError("\(name) has the decoder \(describe(value)); only ByteLevel is implemented")
    }
  }

  private func checkModel(_ model: [String: JSONValue]) throws {
    guard model["type"] == nil || model["type"] == .string("BPE") else {
      throw InputError("\(name) has the model \(describe(.object(model))); only BPE is implemented")
    }
    for (key, value) in model.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "type": continue
      case "dropout" where [.null, .integer(0), .number(0)].contains(value): continue
      case "continuing_subword_prefix", "end_of_word_suffix":
        if value == .null || value == .string("") { continue }
      case "unk_token" where value == .null || hasAllBytes: continue
      case "fuse_unk", "byte_fallback":
        if value == .bool(false) || hasAllBytes { continue }
      case "ignore_merges" where value == .bool(false): continue
      default: break
      }
      throw InputError("\(name): the model's \(key) \(describe(value)) is not implemented")
    }
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
