import CastleGeneration
import CastleModel
import CastleServing
import CastleTokenizer

/// The text of one choice, made of what its engine gives.
struct ChoiceText: Sendable {
  /// What is the same for all choices of an answer.
  struct Form: Sendable {
    var tokenizer: Tokenizer
    /// The texts before which a choice ends.
    var stops: [String]
    /// Tokens that end a choice and are no part of its text.
    var endTokens: Set<Int32>
    /// Whether log-probabilities are wanted.
    var wantsScores: Bool
  }

  /// A prompt that stands before the text.
  struct Echo: Sendable {
    var text: String
    var tokens: [Int32]
  }

  /// What is new.
  struct Piece: Sendable {
    /// Text that is now certain.
    var text = ""
    /// The tokens that came, with their log-probabilities if those are wanted.
    var tokens: [ScoredToken] = []
    /// Why the choice ended; nil while it goes on.
    var finishReason: String?
  }

  /// The tokens that were generated so far, one that ended the text included.
  private(set) var generatedTokens = 0
  /// The tokens of the prompt that were not computed again.
  private(set) var cachedTokens = 0
  /// Whether no more comes.
  private(set) var isFinished = false

  private let form: Form
  private let echo: Echo?
  private var text: GeneratedText
  private var offsets = TokenOffsets()

  init(_ form: Form, echo: Echo?) {
    self.form = form
    self.echo = echo
    text = GeneratedText(form.tokenizer, stops: form.stops)
  }

  /// Takes in what the engine gave.
  mutating func append(_ event: ServingEvent) throws -> Piece {
    guard !isFinished else { return Piece() }
    switch event {
    case .prompt(let scores, let cached):
      cachedTokens = cached
      return begin(scores)
    case .token(let token, let score):
      return append(token, score)
    case .finished(let reason, _):
      isFinished = true
      if reason == .cancelled { throw CancellationError() }
      let isStop = reason == .endToken || reason == .stopSequence
      return Piece(text: text.finish(), finishReason: isStop ? "stop" : "length")
    }
  }

  private mutating func begin(_ scores: [TokenScore]) -> Piece {
    guard let echo else { return Piece() }
    var piece = Piece(text: echo.text)
    if form.wantsScores {
      for (place, token) in echo.tokens.enumerated() {
        piece.tokens.append(scored(token, place == 0 ? nil : scores[place - 1], isText: true))
      }
    }
    return piece
  }

  private mutating func append(_ token: Int32, _ score: TokenScore?) -> Piece {
    generatedTokens += 1
    let endsText = form.endTokens.contains(token)
    var piece = Piece(tokens: [scored(token, score, isText: !endsText)])
    guard !endsText else { return piece }
    piece.text = text.append(token)
    if text.isStopped {
      isFinished = true
      piece.text += text.finish()
      piece.finishReason = "stop"
    }
    return piece
  }

  private mutating func scored(_ token: Int32, _ score: TokenScore?, isText: Bool) -> ScoredToken {
    let bytes = Array(form.tokenizer.bytes(of: token))
    var scored = ScoredToken(id: token, bytes: bytes, offset: offsets.next(isText ? bytes : []))
    guard form.wantsScores, let score else { return scored }
    scored.logProbability = Self.finite(score.logProbability)
    scored.alternatives = score.alternatives.map { other in
      ScoredToken.Alternative(
        id: other.token, bytes: Array(form.tokenizer.bytes(of: other.token)),
        logProbability: Self.finite(other.logProbability))
    }
    return scored
  }

  /// A log-probability as a number that JSON has: what cannot come has -9999, as in OpenAI's interface.
  private static func finite(_ value: Float) -> Double { max(Double(value), -9_999) }
}
