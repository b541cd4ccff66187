import CastleFormats

/// The special tokens around a text: those that Python's `tokenizers` adds when it encodes one.
///
/// ```swift
/// let prompt = tokenizer.template.apply(to: tokenizer.encode("To be, or not to be"))
/// ```
///
/// The `post_processor` of a `tokenizer.json` decides what they are.
public struct TextTemplate: Sendable, Hashable {
  /// The tokens before the text.
  public var before: [Int32]
  /// The tokens after the text.
  public var after: [Int32]

  /// A template of the given tokens; without any, texts stay as they are.
  public init(before: [Int32] = [], after: [Int32] = []) {
    self.before = before
    self.after = after
  }

  /// Whether texts stay as they are.
  public var isEmpty: Bool { before.isEmpty && after.isEmpty }

  /// The tokens of a text with the special ones around them.
  public func apply(to tokens: [Int32]) -> [Int32] { before + tokens + after }
}

extension TextTemplate {
  /// Reads a `post_processor`, which errors call that of `file`.
  ///
  /// ByteLevel moves offsets only, so it is the empty template. Of TemplateProcessing the form for a single
  /// text is read. The parts of a Sequence apply one after another.
  ///
  /// - Throws: `InputError` if it is malformed or of another type.
  init(postProcessor: JSONValue, file: String) throws {
    self.init()
    switch (postProcessor, postProcessor["type"]) {
    case (.null, _), (_, .string("ByteLevel")):
      break
    case (_, .string("Sequence")):
      guard case .list(let parts) = postProcessor["processors"] else {
        throw InputError("\(file): its post_processor Sequence has no list of processors")
      }
      for part in parts {
        let outer = try TextTemplate(postProcessor: part, file: file)
        before = outer.before + before
        after += outer.after
      }
    case (_, .string("TemplateProcessing")):
      try read(postProcessor, file: file)
    case (_, let type):
      let name = if case .string(let name) = type { name } else { postProcessor.text }
      throw InputError(
        "\(file) has the post_processor \(name); only ByteLevel, "
          + "TemplateProcessing and Sequence are implemented"
      )
    }
  }

  private mutating func read(_ template: JSONValue, file: String) throws {
    guard case .list(let pieces) = template["single"] else {
      throw InputError("\(file): its TemplateProcessing has no list \"single\"")
    }
    var hasText = false
    for piece in pieces {
      if case .string(let name) = piece["SpecialToken"]["id"] {
        let ids = try Self.ids(of: name, template, file: file)
        if hasText { after += ids } else { before += ids }
      } else if piece["Sequence"]["id"] == .string("A"), !hasText {
        hasText = true
      } else {
        throw InputError(
          "\(file): its TemplateProcessing has the piece \(piece.text); special tokens and the text A, "
            + "once, are right"
        )
      }
    }
    guard hasText else { throw InputError("\(file): its TemplateProcessing leaves out the text, A") }
  }

  private static func ids(of name: String, _ template: JSONValue, file: String) throws -> [Int32] {
    guard case .list(let values) = template["special_tokens"][name]["ids"] else {
      throw InputError("\(file): its TemplateProcessing gives no ids for the special token \"\(name)\"")
    }
    return try values.map { value in
      guard case .integer(let id) = value, let id = Int32(exactly: id), id >= 0 else {
        throw InputError("\(file): its TemplateProcessing gives \"\(name)\" the id \(value.text)")
      }
      return id
    }
  }

  /// The `post_processor` of a tokenizer whose tokens have the given names.
  func postProcessor(byteLevel: JSONValue, name: (Int32) -> String) -> JSONValue {
    guard !isEmpty else { return byteLevel }
    func single(_ text: String, type: Int) -> [JSONValue] {
      func piece(_ kind: String, _ id: String) -> JSONValue {
        .object([kind: .object(["id": .string(id), "type_id": .integer(type)])])
      }
      return before.map { piece("SpecialToken", name($0)) } + [piece("Sequence", text)]
        + after.map { piece("SpecialToken", name($0)) }
    }
    let tokens = Set(before + after).sorted().map { id in
      let token: JSONValue.Members = [
        "id": .string(name(id)), "ids": .list([.integer(Int(id))]), "tokens": .list([.string(name(id))]),
      ]
      return (key: name(id), value: JSONValue.object(token))
    }
    let template: JSONValue.Members = [
      "type": .string("TemplateProcessing"), "single": .list(single("A", type: 0)),
      "pair": .list(single("A", type: 0) + single("B", type: 1)),
      "special_tokens": .object(JSONValue.Members(tokens)),
    ]
    return .object([
      "type": .string("Sequence"), "processors": .list([byteLevel, .object(template)]),
    ])
  }
}
