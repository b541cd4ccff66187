import CastleFormats

/// Reads regular expressions in the syntax of Python's `tokenizers`: Oniguruma's for Ruby, over Unicode.
///
/// What the `tokenizer.json` files of the world do not use is refused by name: back references, recursion,
/// conditions, captures that matter, extended syntax.
struct PatternParser {
  private let text: [Unicode.Scalar]
  private let source: String
  private var position = 0
  private var ignoresCase = false
  private var dotMatchesLineEnds = false
  private var depth = 0

  /// The tree of a pattern.
  ///
  /// - Throws: ``InputError`` if it is malformed or not implemented.
  static func parse(_ pattern: String) throws -> PatternSyntax {
    var parser = PatternParser(text: Array(pattern.unicodeScalars), source: pattern)
    let syntax = try parser.alternatives()
    guard parser.position == parser.text.count else { throw parser.refused("an unmatched \")\"") }
    guard !syntax.nestsUnlimited else {
      throw parser.refused("a repetition in a repetition, which can take forever,")
    }
    return syntax
  }

  private init(text: [Unicode.Scalar], source: String) {
    self.text = text
    self.source = source
  }

  private func refused(_ what: String) -> InputError {
    InputError("the pattern \"\(source)\" has \(what) at character \(position + 1), which is not implemented")
  }

  private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

  private mutating func skip(_ expected: String) -> Bool {
    let scalars = Array(expected.unicodeScalars)
    guard position + scalars.count <= text.count,
      text[position..<position + scalars.count].elementsEqual(scalars)
    else { return false }
    position += scalars.count
    return true
  }

  private mutating func alternatives() throws -> PatternSyntax {
    depth += 1
    defer { depth -= 1 }
    guard depth < 100 else { throw refused("groups nested more than 100 deep") }
    var parts = [try sequence()]
    while skip("|") { parts.append(try sequence()) }
    return parts.count == 1 ? parts[0] : .alternatives(parts)
  }

  private mutating func sequence() throws -> PatternSyntax {
    var parts: [PatternSyntax] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if let switched = try optionSwitch() {
        // (?i) holds to the end of the group, over all alternatives that follow.
        parts.append(switched)
        continue
      }
      parts.append(try quantified(try atom()))
    }
    try checkFolding(parts)
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  /// Reads `(?i)` and what it holds for; nil if there is none here.
  private mutating func optionSwitch() throws -> PatternSyntax? {
    let start = position
    guard skip("(?"), let first = next, "im-x".unicodeScalars.contains(first) else {
      position = start
      return nil
    }
    let before = (ignoresCase, dotMatchesLineEnds)
    try options()
    if skip(":") {
      let body = try alternatives()
      (ignoresCase, dotMatchesLineEnds) = before
      guard skip(")") else { throw refused("a group without its end") }
      return try quantified(body)
    }
    guard skip(")") else { throw refused("an option") }
    let body = try alternatives()
    (ignoresCase, dotMatchesLineEnds) = before
    return body
  }

  private mutating func options() throws {
    var value = true
    while let option = next, option != ":", option != ")" {
      switch option {
      case "-": value = false
      case "i": ignoresCase = value
      case "m": dotMatchesLineEnds = value
      default: throw refused("the option \"\(option)\"")
      }
      position += 1
    }
  }

  private mutating func group() throws -> PatternSyntax {
    var make: (PatternSyntax) -> PatternSyntax = { $0 }
    if skip("?") {
      if skip(":") {
      } else if skip("=") {
        make = { .look($0, isBehind: false, isNegative: false) }
      } else if skip("!") {
        make = { .look($0, isBehind: false, isNegative: true) }
      } else if skip("<=") {
        make = { .look($0, isBehind: true, isNegative: false) }
      } else if skip("<!") {
        make = { .look($0, isBehind: true, isNegative: true) }
      } else if skip(">") {
        make = PatternSyntax.atomic
      } else {
        throw refused("\"(?\(next.map(String.init) ?? "")\"")
      }
    }
    let before = (ignoresCase, dotMatchesLineEnds)
    let body = make(try alternatives())
    (ignoresCase, dotMatchesLineEnds) = before
    guard skip(")") else { throw refused("a group without its end") }
    if case .look(let part, isBehind: true, _) = body, part.width.maximum == nil {
      throw refused("a look behind without a greatest length")
    }
    return body
  }

  private mutating func atom() throws -> PatternSyntax {
    let scalar = text[position]
    position += 1
    switch scalar {
    case "(": return try group()
    case "[":
      var classes = PatternClassParser(
        text: text, position: position, ignoresCase: ignoresCase, source: source)
      let set = try classes.parse()
      position = classes.position
      return .set(set)
    case ".":
      return .set(dotMatchesLineEnds ? .all : ScalarSet(values: [0x0A]).complement)
    case "^": return .anchor(.lineStart)
    case "$": return .anchor(.lineEnd)
    case "*", "+", "?":
      position -= 1
      throw refused("\"\(scalar)\" after nothing")
    case "\\": return try escape()
    default: return .set(literal(scalar))
    }
  }

  private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
    let set = ScalarSet(values: [scalar.value])
    return ignoresCase ? CaseFolding.closure(of: set) : set
  }

  private mutating func escape() throws -> PatternSyntax {
    switch next {
    case "A": return anchor(.textStart)
    case "z": return anchor(.textEnd)
    case "Z": return anchor(.textEndOrLastLineEnd)
    case "b": return anchor(.wordBoundary)
    case "B": return anchor(.noWordBoundary)
    default: break
    }
    if skip("R") {
      let lineEnds = ScalarSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])
      return .atomic(
        .alternatives([
          .sequence([.set(ScalarSet(values: [0x0D])), .set(ScalarSet(values: [0x0A]))]), .set(lineEnds),
        ]))
    }
    var escapes = PatternEscapeParser(text: text, position: position, source: source)
    let set = try escapes.parse()
    position = escapes.position
    return .set(ignoresCase && !escapes.isProperty ? CaseFolding.closure(of: set) : set)
  }

  private mutating func anchor(_ anchor: PatternSyntax.Anchor) -> PatternSyntax {
    position += 1
    return .anchor(anchor)
  }

  private mutating func quantified(_ atom: PatternSyntax) throws -> PatternSyntax {
    var result = atom
    while let (minimum, maximum, isInterval) = try quantifier() {
      if case .anchor = result { throw refused("a repeated place") }
      var greed = PatternSyntax.Greed.greedy
      if skip("?") {
        greed = .lazy
      } else if !isInterval, skip("+") {
        greed = .possessive
      }
      if case .repetition(let inner, let least, PatternSyntax.unlimited, .greedy) = result, least <= 1,
        maximum == PatternSyntax.unlimited, greed == .greedy
      {
        result = .repetition(inner, minimum: least * minimum, maximum: maximum, .greedy)
        continue
      }
      result = .repetition(result, minimum: minimum, maximum: maximum, greed)
    }
    return result
  }

  /// Reads `*`, `+`, `?` or an interval; nil if there is none.
  private mutating func quantifier() throws -> (Int, Int, isInterval: Bool)? {
    if skip("*") { return (0, PatternSyntax.unlimited, false) }
    if skip("+") { return (1, PatternSyntax.unlimited, false) }
    if skip("?") { return (0, 1, false) }
    let start = position
    guard skip("{") else { return nil }
    let low = number()
    var high = low
    if skip(",") { high = number() ?? PatternSyntax.unlimited }
    guard low != nil || high != nil && high != PatternSyntax.unlimited, skip("}") else {
      position = start
      // A brace that is no interval is a character.
      return nil
    }
    let (minimum, maximum) = (low ?? 0, high ?? 0)
    let largest = maximum == PatternSyntax.unlimited ? minimum : maximum
    guard minimum <= maximum, largest <= 1000 else {
      throw refused("an interval of more than 1000 or backwards")
    }
    return (minimum, maximum, true)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let digit = next.flatMap({ Character($0).wholeNumberValue }), next!.isASCII, (value ?? 0) < 100_000
    {
      value = (value ?? 0) * 10 + digit
      position += 1
    }
    return value
  }

  /// Refuses neighbors that are, without regard to case, one other character together, as "ss" is "ß".
  private func checkFolding(_ parts: [PatternSyntax]) throws {
    guard ignoresCase else { return }
    let literals = parts.map { part -> ScalarSet? in
      guard case .set(let set) = part, set.ranges.reduce(0, { $0 + $1.count }) <= 4 else { return nil }
      return set
    }
    for start in literals.indices {
      for folding in CaseFolding.several where start + folding.count <= literals.count {
        let isFound = zip(folding, literals[start...]).allSatisfy { $1?.contains($0) ?? false }
        if isFound { throw refused("letters that are one character in another case") }
      }
    }
  }
}
