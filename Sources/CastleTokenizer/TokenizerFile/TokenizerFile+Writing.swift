import CastleFormats

extension TokenizerFile {
  /// The bytes of a `tokenizer.json` that Python's `tokenizers` loads with the same ids.
  public static func json(_ tokenizer: Tokenizer) -> [UInt8] {
    var writer = TokenizerWriter()
    writer.write(tokenizer)
    return writer.output
  }
}

/// Builds the text of a `tokenizer.json`, one token or merge a line.
private struct TokenizerWriter {
  var output: [UInt8] = []

  private static let byteLevel = JSONValue.object([
    "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
    "use_regex": .bool(true),
  ])

  mutating func write(_ tokenizer: Tokenizer) {
    append("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n")
    append("  \"added_tokens\": [")
    list(tokenizer.addedTokens) { writer, token in
      writer.append("{\"id\": \(token.id), \"content\": ")
      writer.quote(Array(token.content.utf8))
      writer.append(", \"single_word\": \(token.isSingleWord), \"lstrip\": \(token.stripsLeft)")
      writer.append(", \"rstrip\": \(token.stripsRight)")
      writer.append(", \"normalized\": \(token.isNormalized), \"special\": \(token.isSpecial)}")
    }
    let pipeline = tokenizer.pipeline
    let added = Dictionary(uniqueKeysWithValues: tokenizer.addedTokens.map { ($0.id, $0.content) })
    let postProcessor = tokenizer.template.postProcessor(byteLevel: Self.byteLevel) { id in
      String(decoding: Self.name(of: id, tokenizer, added), as: UTF8.self)
    }
    func part(_ name: String) -> JSONValue {
      pipeline.isGPT2 && name != "normalizer" ? Self.byteLevel : pipeline.parts[name] ?? .null
    }
    append("],\n  \"normalizer\": \(part("normalizer").sortedText),\n")
    append("  \"pre_tokenizer\": \(part("pre_tokenizer").sortedText),\n")
    let isPlain = tokenizer.template.isEmpty && !pipeline.preTokenizer.isByteLevel
    append("  \"post_processor\": \(isPlain ? "null" : postProcessor.sortedText),\n")
    append("  \"decoder\": \(part("decoder").sortedText),\n")
    append("  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n")
    let settings = pipeline.settings
    append("    \"unk_token\": \(settings.unknownToken.map { JSONValue.string($0) }?.text ?? "null"),\n")
    append("    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n")
    append(
      "    \"fuse_unk\": \(settings.fusesUnknown),\n    \"byte_fallback\": \(settings.fallsBackToBytes),\n")
    append("    \"ignore_merges\": \(settings.ignoresMerges),\n")
    append("    \"vocab\": {")
    list((0..<Int32(tokenizer.vocabularySize)).filter(tokenizer.isInVocabulary)) { writer, id in
      writer.quote(Self.name(of: id, tokenizer, added))
      writer.append(": \(id)")
    }
    append("},\n    \"merges\": [")
    list(tokenizer.mergeList) { writer, merge in
      let (left, right) = (tokenizer.name(of: merge.left), tokenizer.name(of: merge.right))
      if left.contains(UInt8(ascii: " ")) || right.contains(UInt8(ascii: " ")) {
        writer.append("[")
        writer.quote(left)
        writer.append(", ")
        writer.quote(right)
        writer.append("]")
      } else {
        writer.quote(left + [UInt8(ascii: " ")] + right)
      }
    }
    append("]\n  }\n}\n")
  }

  /// The name of a token as the file spells it.
  private static func name(of id: Int32, _ tokenizer: Tokenizer, _ added: [Int32: String]) -> [UInt8] {
    added[id].map { Array($0.utf8) } ?? tokenizer.name(of: id)
  }

  private mutating func list<Element>(
    _ elements: [Element], _ write: (inout TokenizerWriter, Element) -> Void
  ) {
    for (place, element) in elements.enumerated() {
      append(place == 0 ? "\n      " : ",\n      ")
      write(&self, element)
    }
    if !elements.isEmpty { append("\n    ") }
  }

  private mutating func append(_ text: String) {
    output.append(contentsOf: text.utf8)
  }

  private mutating func quote(_ text: [UInt8]) {
    output.append(contentsOf: JSONValue.quoted(text))
  }
}
