import CastleFormats

/// Learns a byte-level byte-pair encoding from text.
///
/// The pre-tokens of all documents are counted, cut as ``Tokenizer`` cuts them; then the most frequent pair
/// of adjacent tokens becomes a token, until there are as many as wanted. Of equally frequent pairs the one
/// whose left token came first is taken, then the one whose right token did. The result depends on nothing
/// but the text: it is that of Python's `tokenizers` with
/// `BpeTrainer(vocab_size, min_frequency, special_tokens, initial_alphabet=ByteLevel.alphabet())` for the
/// same documents.
///
/// The ids: the special tokens, the 256 bytes in order of their characters in the byte-level alphabet, the
/// merges. A text begins with the end-of-text token, as a document in training follows the end of the one
/// before.
public struct TokenizerTrainer: Sendable {
  /// The number of tokens in the end, special ones and the 256 bytes included.
  public var vocabularySize = 4096
  /// Pairs that occur less often are not merged.
  public var minimumFrequency = 2
  /// Tokens that stand for themselves. No one may be a single pre-token, which could be learned from the text
  /// too.
  public var specialTokens = ["<|endoftext|>"]
  /// How texts are cut.
  public var preTokenizer = PreTokenizerKind.gpt2

  /// A trainer of 4096 tokens.
  public init() {}

  /// How far training is.
  public enum Progress: Sendable, Hashable {
    /// Pre-tokens are counted: so many bytes are done, of so many.
    case counting(done: Int, all: Int)
    /// Merges are learned: so many are done, of so many.
    case merging(done: Int, all: Int)
  }

  /// Learns from the counted pre-tokens of a text.
  ///
  /// The vocabulary stays smaller than ``vocabularySize`` if the text has no more pairs that occur
  /// ``minimumFrequency`` times.
  ///
  /// - Throws: ``InputError`` if a special token is a pre-token, or the vocabulary has no room for a merge.
  package func learn(from table: PreTokenTable, progress: (Progress) throws -> Void = { _ in }) throws
    -> Tokenizer
  {
    let base = try base()
    var learner = MergeLearner(
      table, vocabulary: (0..<Int32(base.vocabularySize)).map { Array(base.bytes(of: $0)) },
      byteTokens: base.model.byteTokens)
    let all = vocabularySize - base.vocabularySize
    while learner.vocabulary.count < vocabularySize {
      guard learner.learn(minimum: minimumFrequency) else { break }
      if learner.merges.count % 64 == 0 { try progress(.merging(done: learner.merges.count, all: all)) }
    }
    let vocabulary = learner.vocabulary.enumerated().map { id, bytes in
      id < specialTokens.count ? nil : bytes
    }
    return try Tokenizer(
      vocabulary: vocabulary, merges: learner.merges, addedTokens: base.addedTokens, pipeline: base.pipeline,
      template: TextTemplate(before: base.endOfText.map { [$0] } ?? []))
  }

  /// The tokenizer of the special tokens and the bytes, which cuts texts as the one to be learned does.
  ///
  /// - Throws: ``InputError`` if a special token is a pre-token, or the vocabulary has no room for a merge.
  package func base() throws -> Tokenizer {
    let base = try makeBase()
    guard vocabularySize > base.vocabularySize, vocabularySize <= Tokenizer.mostTokens else {
      throw InputError(
        "a vocabulary of \(vocabularySize) tokens is impossible; from \(base.vocabularySize + 1) to "
          + "\(Tokenizer.mostTokens) is right")
    }
    return base
  }

  private func makeBase() throws -> Tokenizer {
    guard Set(specialTokens.map { Array($0.utf8) }).count == specialTokens.count, !specialTokens.contains("")
    else {
      throw InputError("special tokens must be different from each other and not empty")
    }
    let pipeline = try preTokenizer.pipeline
    if let token = specialTokens.first(where: { Self.isPreToken($0, pipeline.preTokenizer) }) {
      throw InputError(
        "the special token \"\(token)\" could be learned as a word of the text too; one like <|user|>, "
          + "of letters and punctuation, is right")
    }
    let alphabet = (0..<256).sorted { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }
    return try Tokenizer(
      vocabulary: specialTokens.map { _ in nil } + alphabet.map { [UInt8($0)] }, merges: [],
      addedTokens: specialTokens.enumerated().map { AddedToken(id: Int32($0), content: $1) },
      pipeline: pipeline)
  }

  /// Whether merges, which never cross the end of a pre-token, could make a token of this name.
  private static func isPreToken(_ token: String, _ preTokenizer: PreTokenizer) -> Bool {
    struct Counter: PreTokenVisitor {
      var count = 0
      mutating func visit(_ text: UnsafePointer<UInt8>, count: Int, readable: Int) { self.count += 1 }
    }
    var counter = Counter()
    var token = token
    token.withUTF8 {
      PreTokenCutter(preTokenizer).cut($0.baseAddress!, 0..<$0.count, isStart: true, into: &counter)
    }
    return counter.count == 1
  }
}
