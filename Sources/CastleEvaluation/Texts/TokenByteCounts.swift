import CastleTokenizer

/// The number of bytes of text that each token of a tokenizer stands for: none for marks such as the end of a
/// document.
struct TokenByteCounts: Sendable {
  private let counts: [Int]

  init(_ tokenizer: Tokenizer) {
    let marks = Set(
      tokenizer.addedTokens.filter(\.isSpecial).map(\.id) + [tokenizer.endOfText].compactMap { $0 })
    counts = (0..<Int32(tokenizer.vocabularySize)).map {
      marks.contains($0) ? 0 : tokenizer.bytes(of: $0).count
    }
  }

  /// The bytes of all `tokens`; ids that the tokenizer does not have stand for none.
  func sum(_ tokens: some Sequence<Int32>) -> Int {
    tokens.reduce(0) { sum, id in counts.indices.contains(Int(id)) ? sum + counts[Int(id)] : sum }
  }
}
