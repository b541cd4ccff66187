import CastleFormats
import CastleModel
import CastleTokenizer

/// A text that stands after another, as tokens.
struct EncodedContinuation: Sendable, Hashable {
  /// What the model reads: the context and all but the last token of the continuation.
  var inputs: [Int32]
  /// The tokens of the continuation, each of which follows one of the last of ``inputs``.
  var targets: [Int32]
  /// Whether the context was cut from the left to what the model reads.
  var isCut = false
}

/// Makes tokens of a context and its continuation as the lm-eval harness does, so that the numbers agree.
///
/// Both are encoded as one text, and the tokens of the context alone are counted off; white space at the
/// context's end belongs to the continuation. Before a context stand the special tokens of the tokenizer's
/// template, unless it begins with the token that starts a text; that token alone stands in place of an empty
/// context.
final class ContinuationEncoder {
  private let encoder: TokenEncoder
  private let start: Int32?
  private let longest: Int
  private let vocabularySize: Int
  private var lastContext: (text: String, count: Int)?

  init(_ tokenizer: Tokenizer, _ configuration: ModelConfiguration) {
    encoder = TokenEncoder(tokenizer)
    start = configuration.beginOfTextID.map { Int32($0) } ?? tokenizer.endOfText
    longest = configuration.maximumLength
    vocabularySize = configuration.vocabularySize
  }

  /// The tokens of `continuation` after `context`.
  ///
  /// - Throws: ``InputError`` with the problem and the remedy, if the model cannot be asked.
  func encode(_ continuation: String, after context: String) throws -> EncodedContinuation {
    var (tokens, contextCount) = try tokens(continuation, after: context)
    if let stranger = tokens.first(where: { Int($0) >= vocabularySize }) {
      throw InputError(
        "the text has the token id \(stranger), but the model only \(vocabularySize) tokens; "
          + "its tokenizer.json is that of another model")
    }
    let targets = Array(tokens[min(contextCount, tokens.count)...])
    guard !targets.isEmpty else {
      throw InputError(
        "\(JSONValue.quoted(continuation)) gives no token of its own after the context; "
          + "let it begin with a space"
      )
    }
    guard targets.count <= longest else {
      throw InputError(
        "a continuation has \(targets.count) tokens, but the model reads only \(longest); "
          + "leave this question out"
      )
    }
    tokens.removeLast()
    let isCut = tokens.count > longest
    return EncodedContinuation(
      inputs: isCut ? Array(tokens.suffix(longest)) : tokens, targets: targets, isCut: isCut)
  }

  /// All tokens, and how many are those of the context.
  private func tokens(_ continuation: String, after context: String) throws -> ([Int32], Int) {
    let scalars = context.unicodeScalars
    let end = scalars.lastIndex { !Self.isWhiteSpace($0) }.map { scalars.index(after: $0) }
    guard let end else {
      guard let start else {
        throw InputError(
          "the context is empty, and the model has no token that starts a text; "
            + "give it a context, or the model's config.json a bos_token_id")
      }
      let tokens = encode(context + continuation)
      return tokens.first == start ? (tokens, 1) : ([start] + tokens, 1)
    }
    let trimmed = String(scalars[..<end])
    let tokens = encode(context + continuation)
    let before = tokens.first == start ? [] : encoder.tokenizer.template.before
    return (before + tokens, before.count + count(trimmed))
  }

  /// The number of tokens of a context, remembered for the next continuation.
  private func count(_ context: String) -> Int {
    if let lastContext, lastContext.text == context { return lastContext.count }
    let count = encode(context).count
    lastContext = (context, count)
    return count
  }

  private func encode(_ text: String) -> [Int32] {
    var text = text
    var tokens: [Int32] = []
    text.withUTF8 { encoder.encode($0, into: &tokens) }
    return tokens
  }

  /// What Python's `str.rstrip` removes.
  private static func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }
}
