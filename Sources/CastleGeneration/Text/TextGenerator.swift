public import CastleModel
public import CastleTokenizer

/// Generates text, piece by piece.
///
/// ```swift
/// let request = TextRequest("To be, or not", maximumTokens: 100, stops: ["\n\n"])
/// let generator = try TextGenerator(request, model: model, tokenizer: tokenizer)
/// while let piece = try generator.next() { print(piece.text, terminator: "") }
/// ```
///
/// The prompt gets the special tokens that the tokenizer's file says, and the text ends at the tokens that
/// the model's files name, as in Python's `transformers`. The pieces joined are valid UTF-8. The same
/// request, model and tokenizer give the same text.
public final class TextGenerator {
  /// What comes with one token.
  public struct Piece: Sendable, Hashable {
    /// The text that is now certain: empty while a character is incomplete or a stop string may have begun.
    public var text: String
    /// The token; none in a last piece that only gives what was held back.
    public var tokens: [Int32]
  }

  /// What is generated, in token ids.
  public let request: GenerationRequest

  private let generator: Generator
  private var generated: GeneratedText
  private var isFinished = false

  /// Prepares a text; the model reads the prompt at the first ``next()``.
  ///
  /// - Parameter isCancelled: Asked between tokens and between pieces of the prompt; true ends generation.
  /// - Throws: `InputError` if the model cannot go on from the prompt; see ``TextRequest/encoded(for:_:)``.
  public init(
    _ request: TextRequest, model: LanguageModel, tokenizer: Tokenizer,
    isCancelled: @escaping () -> Bool = { false }
  ) throws {
    self.request = try request.encoded(for: model.configuration, tokenizer)
    generator = try Generator(self.request, model: model, isCancelled: isCancelled)
    generated = GeneratedText(tokenizer, stops: request.stops)
  }

  /// Why the text ended; nil while it goes on.
  public var finishReason: FinishReason? {
    generated.isStopped ? .stopSequence : generator.finishReason
  }

  /// Counts and times so far.
  public var statistics: GenerationStatistics { generator.statistics }

  /// The token that ended the text, if one did; it is in no piece.
  public var endToken: Int32? { generator.endToken }

  /// The next piece, or nil when the text has ended.
  ///
  /// - Throws: `InputError` if the model's logits are not numbers.
  public func next() throws -> Piece? {
    guard !isFinished else { return nil }
    guard let token = try generator.next() else {
      isFinished = true
      let rest = generated.finish()
      return rest.isEmpty ? nil : Piece(text: rest, tokens: [])
    }
    var text = generated.append(token)
    if generated.isStopped {
      isFinished = true
      text += generated.finish()
    }
    return Piece(text: text, tokens: [token])
  }

  /// Generates to the end and returns all text that ``next()`` has not given yet.
  ///
  /// - Throws: `InputError` if the model's logits are not numbers.
  public func remainingText() throws -> String {
    var text = ""
    while let piece = try next() { text += piece.text }
    return text
  }
}
