import CastleAttention
import CastleFormats
import CastleModel

/// How probable a continuation is after its context.
struct ContinuationScore: Sendable, Hashable, BitwiseCopyable {
  /// The natural logarithm of the probability of all its tokens.
  var logProbability: Double
  /// Whether greedy decoding would have written it; false if that was not asked for.
  var isGreedy: Bool
}

/// Scores continuations: as many at a time as fit one pass, each with its own context.
///
/// Continuations that follow the same tokens, as single words often do, share one document.
final class ContinuationScorer {
  private let model: LanguageModel
  private let findsGreedy: Bool
  private var pass: ScoringPass

  private var tokens: [Int32] = []
  private var documents: [Range<Int>] = []
  private var queries: [TokenQuery] = []
  private var counts: [Int] = []

  /// The scores so far, in the order of the continuations.
  private(set) var scores: [ContinuationScore] = []

  /// The tokens of a pass, if no single document is longer.
  private static let tokensPerPass = 2048

  /// A scorer without continuations. With `findsGreedy`, ``ContinuationScore/isGreedy`` is found too.
  ///
  /// - Throws: ``InputError`` if the memory is not free.
  init(_ model: LanguageModel, findsGreedy: Bool) throws {
    self.model = model
    self.findsGreedy = findsGreedy
    let longest = min(model.configuration.maximumLength, Self.tokensPerPass)
    pass = try Self.makePass(model, capacity: Self.tokensPerPass, longest: longest)
  }

  /// Scores `continuation` now or together with later ones.
  func append(_ continuation: EncodedContinuation) throws {
    let inputs = continuation.inputs
    if let last = documents.last, tokens[last] == inputs[...] {
      ask(continuation, document: last)
      return
    }
    if tokens.count + inputs.count > pass.tokenCapacity { try flush() }
    if inputs.count > pass.longest {
      // At least twice as long, so that texts that grow and grow do not each make a pass.
      let longest = min(max(inputs.count, 2 * pass.longest), model.configuration.maximumLength)
      pass = try Self.makePass(model, capacity: longest, longest: longest)
    }
    let document = tokens.count..<tokens.count + inputs.count
    tokens += inputs
    documents.append(document)
    ask(continuation, document: document)
  }

  /// Scores what is left. Afterwards there is a score for every continuation.
  ///
  /// - Throws: ``InputError`` if a score is not a number.
  func flush() throws {
    guard !counts.isEmpty else { return }
    let answers = try pass.score(
      tokens, documents: Documents(documents), queries: queries, alternatives: findsGreedy ? 1 : 0)
    var start = 0
    for count in counts {
      let own = answers[start..<start + count]
      let sum = own.reduce(0) { $0 + Double($1.logProbability) }
      guard sum.isFinite else {
        throw InputError("the model gives a text the log-probability \(sum): its weights are damaged")
      }
      scores.append(
        ContinuationScore(logProbability: sum, isGreedy: own.allSatisfy { $0.isGreedy ?? false }))
      start += count
    }
    tokens.removeAll(keepingCapacity: true)
    documents.removeAll(keepingCapacity: true)
    queries.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
  }

  private func ask(_ continuation: EncodedContinuation, document: Range<Int>) {
    let first = document.upperBound - continuation.targets.count
    for (index, token) in continuation.targets.enumerated() {
      queries.append(TokenQuery(place: first + index, token: token))
    }
    counts.append(continuation.targets.count)
  }

  private static func makePass(
    _ model: LanguageModel, capacity: Int, longest: Int
  ) throws -> ScoringPass {
    try ScoringMemory.makePass(model, tokenCapacity: capacity, longest: longest) {
      InputError(
        problem: "scoring \(capacity) tokens at a time needs \($0)",
        remedy: "free some, or take a smaller model")
    }
  }
}
