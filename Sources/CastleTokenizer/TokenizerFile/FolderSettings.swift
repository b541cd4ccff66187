import CastleFormats
import Foundation

/// What the files beside a vocabulary say: `tokenizer_config.json`, `special_tokens_map.json` and
/// `added_tokens.json`.
///
/// They are read as transformers reads them: tokens that they name become added tokens.
struct FolderSettings {
  /// The class of the tokenizer in transformers, without "Fast".
  private(set) var tokenizerClass: String?
  /// Whether a space is put before a text.
  private(set) var addsPrefixSpace: Bool?

  /// Tokens with the ids that they must have; nil where they get the next one.
  private var listed: [(id: Int32?, token: AddedToken)] = []
  private let folder: String

  private static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// Reads the files that are there.
  init(folder: String) throws {
    self.folder = folder
    let configuration = try Self.object(folder, "tokenizer_config.json")
    let map = try Self.object(folder, "special_tokens_map.json")
    if case .string(let name) = configuration["tokenizer_class"] {
      tokenizerClass = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    }
    if case .bool(let value) = configuration["add_prefix_space"] { addsPrefixSpace = value }
    let special = try Self.special(map) + Self.special(configuration)
    if configuration["added_tokens_decoder"] != nil {
      listed = try decoded(configuration["added_tokens_decoder"]!)
    } else {
      listed = try addedTokens(special)
    }
    listed.sort { $0.id! < $1.id! }
    listed += special.map { (nil, $0) }
  }

  private static func object(_ folder: String, _ name: String) throws -> JSONValue.Members {
    let path = FilePath.path(name, in: folder)
    guard FilePath.exists(path) else { return [:] }
    return try MappedFile(path: path).withBytes { bytes in
      try DownloadedFile.check(bytes, path: path)
      return try JSONValue.object(bytes, source: path)
    }
  }

  /// The tokens that have a role, and the additional ones.
  private static func special(_ file: JSONValue.Members) throws -> [AddedToken] {
    var values = roles.compactMap { file[$0] }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      if case .list(let more) = file[key] { values += more }
    }
    return values.compactMap { value in
      switch value {
      case .string(let content) where !content.isEmpty: return AddedToken(id: -1, content: content)
      case .object:
        guard case .string(let content) = value["content"], !content.isEmpty else { return nil }
        var token = AddedToken(id: -1, content: content, isNormalized: value["normalized"] == .bool(true))
        token.readFlags(value)
        return token
      default: return nil
      }
    }
  }

  /// The tokens of `added_tokens_decoder`.
  private func decoded(_ value: JSONValue) throws -> [(id: Int32?, token: AddedToken)] {
    guard case .object(let members) = value else {
      throw InputError("\(folder)/tokenizer_config.json: added_tokens_decoder is no object")
    }
    return try members.map { key, value in
      guard let id = Int32(key), id >= 0, case .string(let content) = value["content"], !content.isEmpty
      else {
        throw InputError(
          "\(folder)/tokenizer_config.json: the added token \"\(key)\" has no id of 0 or more, or no content")
      }
      let isSpecial = value["special"] == .bool(true)
      // transformers looks for tokens after normalization unless they are special or say otherwise.
      let isNormalized = value["normalized"] == .null ? !isSpecial : value["normalized"] == .bool(true)
      var token = AddedToken(id: id, content: content, isSpecial: isSpecial, isNormalized: isNormalized)
      token.readFlags(value)
      return (id, token)
    }
  }

  /// The tokens of `added_tokens.json`, ids by content.
  private func addedTokens(_ special: [AddedToken]) throws -> [(id: Int32?, token: AddedToken)] {
    let path = FilePath.path("added_tokens.json", in: folder)
    guard FilePath.exists(path) else { return [] }
    let contents = Set(special.map { Array($0.content.utf8) })
    var tokens: [(id: Int32?, token: AddedToken)] = []
    try MappedFile(path: path).withBytes { bytes in
      try DownloadedFile.check(bytes, path: path)
      var scanner = JSONScanner(bytes, name: path)
      try scanner.object { scanner in
        let content = scanner.string
        guard !content.isEmpty else { throw InputError("\(path) has a token without a content") }
        let id = try scanner.tokenID()
        let isSpecial = contents.contains(content)
        tokens.append(
          (
            id,
            AddedToken(
              id: id, content: String(decoding: content, as: UTF8.self), isSpecial: isSpecial,
              isNormalized: !isSpecial)
          ))
      }
      try scanner.finish()
    }
    return tokens
  }

  /// The added tokens of a tokenizer with those that the files name.
  ///
  /// - Throws: ``InputError`` if one cannot have the id that a file gives it.
  func added(to tokens: [AddedToken], names: TokenNames) throws -> [AddedToken] {
    var tokens = tokens
    var places: [[UInt8]: Int] = [:]
    for (place, token) in tokens.enumerated() { places[Array(token.content.utf8)] = place }
    var next = max(Int32(names.count), (tokens.map(\.id).max() ?? -1) + 1)
    for (id, named) in listed {
      var token = named
      let content = Array(token.content.utf8)
      if let place = places[content] {
        guard id == nil || id == tokens[place].id else { throw misplaced(token, id!, tokens[place].id) }
        token.id = tokens[place].id
        if id != nil { tokens[place] = token }
        continue
      }
      token.id = names.id(content) ?? next
      guard id == nil || id == token.id else { throw misplaced(token, id!, token.id) }
      next = max(next, token.id + 1)
      places[content] = tokens.count
      tokens.append(token)
    }
    return tokens
  }

  private func misplaced(_ token: AddedToken, _ id: Int32, _ place: Int32) -> InputError {
    InputError(
      "\(folder) gives the added token \"\(token.content)\" the id \(id); "
        + "its place in the vocabulary is \(place)"
    )
  }
}
