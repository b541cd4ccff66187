import CastleFormats

/// The members of one line of a task file.
struct TaskLine {
  private var texts: [String: String] = [:]
  private var lists: [String: [String]] = [:]
  private var answer: Int?

  /// Reads one JSON object; members that no form has are skipped.
  ///
  /// - Throws: ``InputError`` if it is not an object or a member has the wrong type.
  init(_ bytes: UnsafeRawBufferPointer, path: String, line: Int) throws {
    var scanner = JSONScanner(bytes, name: path, firstLine: line)
    guard scanner.isNext("{") else { throw scanner.malformed("one JSON object on each line") }
    var seen: Set<String> = []
    try scanner.object { scanner in
      let key = scanner.text
      guard seen.insert(key).inserted else { throw scanner.malformed("\(JSONValue.quoted(key)) once") }
      switch key {
      case "sentence_good", "sentence_bad", "context", "continuation", "delimiter":
        guard scanner.isNext("\"") else { throw scanner.malformed("a string for \"\(key)\"") }
        try scanner.readString()
        texts[key] = scanner.text
      case "choices", "contexts":
        guard scanner.isNext("[") else { throw scanner.malformed("a list of strings for \"\(key)\"") }
        var list: [String] = []
        try scanner.array { scanner in
          guard scanner.isNext("\"") else { throw scanner.malformed("a string in \"\(key)\"") }
          try scanner.readString()
          list.append(scanner.text)
        }
        lists[key] = list
      case "answer":
        guard ("0"..."9").contains(Unicode.Scalar(scanner.peek())) else {
          throw scanner.malformed("the number of the correct choice, counted from 0, as \"answer\"")
        }
        answer = try scanner.wholeNumber()
      default:
        try scanner.skipValue()
      }
    }
    try scanner.finish()
  }

  /// The question. Errors say what is wrong, not where.
  ///
  /// - Throws: ``InputError`` if a member is missing, or a value is of no use.
  func item(line: Int) throws -> TaskItem {
    let kind = try kind
    let (contexts, continuations) =
      switch kind {
      case .sentencePairs: ([""], [try text("sentence_good"), try text("sentence_bad")])
      case .multipleChoice: ([try text("context")], try choices("choices"))
      case .contextChoice: (try choices("contexts"), [try text("continuation")])
      case .cloze: ([try text("context")], [try text("continuation")])
      }
    for (index, continuation) in continuations.enumerated() where continuation.isEmpty {
      throw InputError(
        continuations.count > 1
          ? "choice \(index) is empty; there is nothing to score"
          : "the continuation is empty; there is nothing to score")
    }
    let usualDelimiter = kind == .sentencePairs ? "" : " "
    return TaskItem(
      kind: kind, contexts: contexts, continuations: continuations,
      answer: try answer(kind, count: max(contexts.count, continuations.count)),
      delimiter: texts["delimiter"] ?? usualDelimiter, line: line)
  }

  private var kind: TaskKind {
    get throws {
      if lists["choices"] != nil && lists["contexts"] != nil {
        throw InputError("it has both \"choices\" and \"contexts\"; one of them is the list to choose from")
      }
      if texts["sentence_good"] != nil || texts["sentence_bad"] != nil { return .sentencePairs }
      if lists["choices"] != nil { return .multipleChoice }
      if lists["contexts"] != nil { return .contextChoice }
      if texts["context"] != nil || texts["continuation"] != nil { return .cloze }
      throw InputError(
        "it is no form of question; give \"sentence_good\" and \"sentence_bad\", \"context\" and "
          + "\"choices\", \"contexts\" and \"continuation\", or \"context\" and \"continuation\"; "
          + "scripts/convert-tasks makes them of other forms")
    }
  }

  private func text(_ key: String) throws -> String {
    guard let text = texts[key] else { throw InputError("\"\(key)\" is missing") }
    return text
  }

  private func choices(_ key: String) throws -> [String] {
    let list = lists[key] ?? []
    guard (2...Self.mostChoices).contains(list.count) else {
      throw InputError(
        "\"\(key)\" has \(NumberFormat.count(list.count, "element")); give from 2 to \(Self.mostChoices)"
      )
    }
    return list
  }

  private func answer(_ kind: TaskKind, count: Int) throws -> Int {
    guard kind == .multipleChoice || kind == .contextChoice else { return 0 }
    guard let answer else {
      throw InputError("\"answer\" is missing; give the number of the correct choice, counted from 0")
    }
    guard answer < count else {
      throw InputError("\"answer\" is \(answer); with \(count) choices it must be from 0 to \(count - 1)")
    }
    return answer
  }

  private static let mostChoices = 1000
}
