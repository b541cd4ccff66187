import CastleAttention
public import CastleCluster
import CastleFormats
public import CastleModel
import CastleTensors
public import CastleTokenizer

/// Measures whether a model copies from its context: its loss on random tokens, and on the same tokens again.
///
/// A sequence is the token that starts a text, random tokens, and once more the same. Nothing but the first
/// time helps to predict the second, so the difference of the two losses is what in-context copying gives
/// (the measure of induction heads: Olsson et al., "In-context Learning and Induction Heads", 2022). The
/// first token of each half is not counted: nothing shows that the repetition begins.
public struct RepeatedTextProbe {
  /// What the probe found.
  public struct Result: Sendable, Hashable {
    /// The number of sequences.
    public var sequences: Int
    /// The tokens of a sequence that the model reads.
    public var length: Int
    /// The mean loss of a token of the first half, in nats.
    public var firstHalf: MeanEstimate
    /// The mean loss of a token of the second half, in nats.
    public var secondHalf: MeanEstimate
    /// The mean loss of the first half minus that of the second: 0 without copying. Errors are over
    /// sequences.
    public var inductionScore: MeanEstimate
  }

  private let model: LanguageModel
  private let ids: [Int32]
  private let start: Int32?
  private let communicator: any Communicator

  /// A probe of `model`. `tokenizer` says which tokens are text; without it all are taken for text. The ranks
  /// of `communicator` share the sequences.
  ///
  /// - Throws: ``InputError`` if there are fewer than two such tokens.
  public init(
    _ model: LanguageModel, tokenizer: Tokenizer?, communicator: any Communicator = SingleProcess()
  ) throws {
    self.model = model
    self.communicator = communicator
    let configuration = model.configuration
    let special = Set(tokenizer?.addedTokens.filter(\.isSpecial).map(\.id) ?? [])
    start = configuration.beginOfTextID.map { Int32($0) } ?? tokenizer?.endOfText
    let start = start
    ids = (0..<Int32(configuration.vocabularySize)).filter {
      $0 != start && !special.contains($0) && tokenizer?.contains($0) != false
    }
    guard ids.count >= 2 else {
      throw InputError(
        "the model has \(NumberFormat.count(ids.count, "token")) of text; random text needs at least 2")
    }
  }

  /// Measures on `sequences` sequences of `length` tokens that `seed` determines.
  ///
  /// `progress` gets the share that is done, and ends the work by returning false; the result is then nil.
  ///
  /// - Throws: ``InputError`` if the model reads no sequence of that length, or the memory is not free.
  public func evaluate(
    length: Int, sequences: Int, seed: UInt64, progress: (_ share: Double) -> Bool = { _ in true }
  ) throws -> Result? {
    guard length >= 4, sequences >= 1 else {
      throw InputError("\(sequences) sequences of \(length) tokens: at least 1 of 4 are needed")
    }
    let half = length / 2
    let inputs = 2 * half - (start == nil ? 1 : 0)
    let batch = min(sequences, max(1, 4096 / inputs))
    let pass = try ScoringMemory.makePass(model, tokenCapacity: batch * inputs, longest: inputs) {
      InputError(problem: "sequences of \(length) tokens need \($0)", remedy: "lower \(.sequenceLength)")
    }
    var random = RandomSource(seed: seed)
    let share = communicator.world.share(of: sequences)
    for _ in 0..<share.lowerBound { _ = sequence(half, &random) }
    let losses = try communicator.collect { () throws -> [Losses]? in
      var own: [Losses] = []
      for begin in stride(from: share.lowerBound, to: share.upperBound, by: batch) {
        guard progress(Double(begin - share.lowerBound) / Double(share.count)) else { return nil }
        let count = min(batch, share.upperBound - begin)
        own += try Self.losses(
          pass, (0..<count).map { _ in sequence(half, &random) }, half: half, inputs: inputs)
      }
      return own
    }
    guard let losses else { return nil }
    return Result(
      sequences: sequences, length: inputs, firstHalf: MeanEstimate(of: losses.map(\.first)),
      secondHalf: MeanEstimate(of: losses.map(\.second)),
      inductionScore: MeanEstimate(of: losses.map { $0.first - $0.second }))
  }

  /// The mean loss of each half of a sequence.
  private struct Losses: BitwiseCopyable {
    var first: Double
    var second: Double
  }

  private func sequence(_ half: Int, _ random: inout RandomSource) -> [Int32] {
    let text = (0..<half).map { _ in ids[random.next(below: ids.count)] }
    return (start.map { [$0] } ?? []) + text + text
  }

  /// The mean loss of each half of each sequence, without the first token of the half.
  private static func losses(
    _ pass: ScoringPass, _ sequences: [[Int32]], half: Int, inputs: Int
  ) throws -> [Losses] {
    let documents = sequences.indices.map { $0 * inputs..<($0 + 1) * inputs }
    let queries = sequences.enumerated().flatMap { index, tokens in
      // The token at t is predicted at t − 1; the halves end where the sequence does.
      [tokens.count - half - half, tokens.count - half].flatMap { start in
        (start + 1..<start + half).map { TokenQuery(place: index * inputs + $0 - 1, token: tokens[$0]) }
      }
    }
    let scores = try pass.score(
      sequences.flatMap { $0.dropLast() }, documents: Documents(documents), queries: queries)
    return try sequences.indices.map { index in
      let start = index * 2 * (half - 1)
      func loss(_ part: Int) -> Double {
        let own = scores[(start + part * (half - 1))...].prefix(half - 1)
        return -own.reduce(0) { $0 + Double($1.logProbability) } / Double(half - 1)
      }
      let (first, second) = (loss(0), loss(1))
      guard first.isFinite, second.isFinite else {
        throw InputError("the model's loss on random text is \(first) and \(second): its weights are damaged")
      }
      return Losses(first: first, second: second)
    }
  }
}
