import CastleTokenizer

/// GPT-2's words and merges by their definitions, without regard to speed.
struct ReferenceEncoder {
  let tokenizer: Tokenizer
  private let byteTokens: [[UInt8]: Int32]
  private let ranks: [[Int32]: (rank: Int, merged: Int32)]

  init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    let tokens = (0..<Int32(tokenizer.vocabularySize)).map { (Array(tokenizer.bytes(of: $0)), $0) }
    byteTokens = Dictionary(tokens.filter { $0.0.count == 1 }, uniquingKeysWith: { first, _ in first })
    ranks = Dictionary(
      uniqueKeysWithValues: tokenizer.mergeList.enumerated().map {
        ([$1.left, $1.right], (rank: $0, merged: $1.merged))
      })
  }

  /// The tokens of a text without added tokens.
  func encode(_ text: String) -> [Int32] {
    Self.words(Array(text.unicodeScalars)).flatMap { word in
      var view = String.UnicodeScalarView()
      view.append(contentsOf: word)
      return merge(Array(String(view).utf8))
    }
  }

  /// The tokens of one word.
  func merge(_ word: [UInt8]) -> [Int32] {
    var tokens = word.map { byteTokens[[$0]]! }
    while true {
      let found = tokens.indices.dropLast().compactMap { index in
        ranks[[tokens[index], tokens[index + 1]]].map { (rank: $0.rank, index: index, merged: $0.merged) }
      }
      guard let best = found.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { return tokens }
      tokens.replaceSubrange(best.index...best.index + 1, with: [best.merged])
    }
  }

  /// The alternatives of the pattern, tried in order at every place.
  static func words(_ text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var rest = text[...]
    while !rest.isEmpty {
      let length =
        contraction(rest) ?? run(rest, .letter) ?? run(rest, .number) ?? run(rest, .other) ?? spaces(rest)
      words.append(rest.prefix(length))
      rest = rest.dropFirst(length)
    }
    return words
  }

  private static func contraction(_ text: ArraySlice<Unicode.Scalar>) -> Int? {
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].first { text.starts(with: $0.unicodeScalars) }?
      .unicodeScalars.count
  }

  private static func run(_ text: ArraySlice<Unicode.Scalar>, _ kind: CharacterClass) -> Int? {
    let space = text.first == " " ? 1 : 0
    let count = text.dropFirst(space).prefix { CharacterClasses.of($0) == kind }.count
    return count > 0 ? space + count : nil
  }

  private static func spaces(_ text: ArraySlice<Unicode.Scalar>) -> Int {
    let count = text.prefix { CharacterClasses.of($0) == .space }.count
    return count == text.count || count == 1 ? count : count - 1
  }
}
