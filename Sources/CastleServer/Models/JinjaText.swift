/// Jinja as far as two templates are to be compared: without the differences of spelling that mean nothing.
enum JinjaText {
  /// The tokens of a template, with what its white space control leaves of the text between tags, as
  /// transformers sets it: the line feed after a block goes, and so does the indentation before one.
  static func tokens(_ source: String) -> [String] {
    let characters = Array(source.unicodeScalars)
    var tokens: [String] = []
    var text: [Unicode.Scalar] = []
    var position = 0
    var removesLineFeed = false
    var removesSpace = false

    func starts(_ mark: String) -> Bool {
      let mark = Array(mark.unicodeScalars)
      return position + mark.count <= characters.count
        && characters[position..<position + mark.count].elementsEqual(mark)
    }
    func endText(beforeBlock: Bool, trims: Bool) {
      if removesSpace {
        text.removeFirst(text.prefix(while: \.properties.isWhitespace).count)
      } else if removesLineFeed, text.first == "\n" {
        text.removeFirst()
      }
      if trims {
        while text.last?.properties.isWhitespace == true { text.removeLast() }
      } else if beforeBlock {
        var end = text.count
        while end > 0, text[end - 1] == " " || text[end - 1] == "\t" { end -= 1 }
        if end == 0 ? tokens.isEmpty || removesLineFeed : text[end - 1] == "\n" {
          text.removeSubrange(end...)
        }
      }
      if !text.isEmpty { tokens.append("text:" + String(String.UnicodeScalarView(text))) }
      text = []
    }

    while position < characters.count {
      guard let mark = ["{%", "{{", "{#"].first(where: starts) else {
        text.append(characters[position])
        position += 1
        continue
      }
      position += 2
      let trims = position < characters.count && characters[position] == "-"
      endText(beforeBlock: mark != "{{", trims: trims)
      if trims { position += 1 }
      let close = mark == "{{" ? "}}" : mark == "{%" ? "%}" : "#}"
      let inside = tag(characters, &position, close: close)
      removesSpace = inside.trimsAfter
      removesLineFeed = mark != "{{"
      if mark != "{#" { tokens += [mark] + inside.tokens }
    }
    endText(beforeBlock: false, trims: false)
    return tokens
  }

  /// The words, strings and marks up to the end of a tag.
  private static func tag(
    _ characters: [Unicode.Scalar], _ position: inout Int, close: String
  ) -> (tokens: [String], trimsAfter: Bool) {
    var tokens: [String] = []
    let close = Array(close.unicodeScalars)
    while position < characters.count {
      let next = characters[position]
      let trims = next == "-"
      let end = position + (trims ? 1 : 0)
      if end + 1 < characters.count, characters[end] == close[0], characters[end + 1] == close[1] {
        position = end + 2
        return (withoutAttributes(tokens), trims)
      }
      if next == "'" || next == "\"" {
        tokens.append(string(characters, &position))
      } else if next.properties.isAlphabetic || next == "_" || ("0"..."9").contains(next) {
        var word = ""
        while position < characters.count, case let letter = characters[position],
          letter.properties.isAlphabetic || letter == "_" || ("0"..."9").contains(letter)
        {
          word.unicodeScalars.append(letter)
          position += 1
        }
        tokens.append(word)
      } else {
        if !next.properties.isWhitespace { tokens.append(String(next)) }
        position += 1
      }
    }
    return (tokens + ["unfinished"], false)
  }

  /// A string with its escapes read, marked as one.
  private static func string(_ characters: [Unicode.Scalar], _ position: inout Int) -> String {
    let quote = characters[position]
    var content = "'"
    position += 1
    while position < characters.count, characters[position] != quote {
      var scalar = characters[position]
      if scalar == "\\", position + 1 < characters.count {
        position += 1
        let escapes: [Unicode.Scalar: Unicode.Scalar] = ["n": "\n", "t": "\t", "r": "\r"]
        scalar = escapes[characters[position]] ?? characters[position]
      }
      content.unicodeScalars.append(scalar)
      position += 1
    }
    position += 1
    return content
  }

  /// `message.role` as `message['role']`; `loop.first` stays.
  private static func withoutAttributes(_ tokens: [String]) -> [String] {
    var result: [String] = []
    var index = 0
    while index < tokens.count {
      if tokens[index] == ".", index + 1 < tokens.count, ["role", "content"].contains(tokens[index + 1]) {
        result += ["[", "'" + tokens[index + 1], "]"]
        index += 2
      } else {
        result.append(tokens[index])
        index += 1
      }
    }
    return result
  }
}
