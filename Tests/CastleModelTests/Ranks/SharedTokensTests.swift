import CastleAttention
import CastleCluster
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Passes whose tokens several ranks share, here threads of one process.
@Suite struct SharedTokensTests {
  /// A model, and the documents that it reads.
  struct Problem: CustomTestStringConvertible, Sendable {
    var name: String
    var preset = "1m-castle"
    var heads = (query: 5, kv: 5)
    var lengths = [67]
    var recomputes = false
    var shifts = false
    var change: @Sendable (inout ModelConfiguration) -> Void = { _ in }

    var testDescription: String { name }

    var configuration: ModelConfiguration {
      get throws {
        var configuration = try ModelPreset(preset).configuration
        configuration.layerCount = 2
        configuration.vocabularySize = 41
        configuration.hiddenSize = 24
        configuration.intermediateSize = 40
        configuration.heads = HeadLayout(queryHeads: heads.query, kvHeads: heads.kv, headSize: 8)
        if case .tokens(let window) = configuration.mechanism.window, window > 0 {
          configuration.mechanism.window = .tokens(9)
        }
        configuration.shiftsKeysAndValues = shifts
        configuration.beginOfTextID = nil
        configuration.endOfTextIDs = []
        configuration.paddingID = nil
        change(&configuration)
        return configuration
      }
    }
  }

  static let problems = [
    Problem(name: "causal", preset: "1m-causal"),
    Problem(name: "castle"),
    Problem(name: "castle-swl in documents", preset: "1m-castle-swl", lengths: [1, 40, 7, 131]),
    Problem(name: "grouped heads, recomputed", heads: (12, 4), lengths: [33, 34], recomputes: true),
    Problem(
      name: "shifted keys and values", preset: "1m-causal", heads: (10, 5), lengths: [9, 50], shifts: true),
    Problem(name: "norms of heads", preset: "1m-causal", lengths: [21, 30]) {
      $0.family = .qwen3
      $0.hasAttentionBias = true
    },
    Problem(name: "fewer tokens than ranks", lengths: [2]),
    Problem(name: "panels, causal", preset: "1m-causal", heads: (2, 1), lengths: [290]),
    Problem(name: "panels, castle", heads: (2, 1), lengths: [170, 3, 65], recomputes: true),
    Problem(name: "panels, castle-swl", preset: "1m-castle-swl", heads: (1, 1), lengths: [1, 40, 7, 270]),
    Problem(name: "panels, without causal keys and SiLU", heads: (1, 1), lengths: [135]) {
      $0.mechanism.usesCausalKeys = false
      $0.mechanism.appliesSiLU = false
    },
    Problem(name: "panels, limited causal", preset: "1m-causal", heads: (1, 1), lengths: [200]) {
      $0.family = .qwen2
      $0.slidingWindow = .init(length: 70, layers: [1])
    },
  ]

  /// What a pass computes: the loss, and the gradient of each parameter.
  private struct Results: Sendable {
    var loss: Double
    var gradients: [Float]
  }

  private static func run(
    _ problem: Problem, _ backend: any Backend, ranks: any Communicator = SingleProcess()
  ) throws -> (results: Results, layout: ParameterLayout) {
    var source = RandomSource(seed: 3)
    let configuration = try problem.configuration
    let model = try LanguageModel(configuration, backend: backend, seed: 3)
    // Larger weights than those of training, so that no part of the model is nearly linear.
    let weights = model.layout.matrices.map { _ in 0.2 * source.nextNormal() }
    weights.withUnsafeBufferPointer { backend.upload($0, to: model.weights.columns(model.layout.matrices)) }
    let count = problem.lengths.reduce(0, +)
    let pass = try TrainingPass(
      model, batch: 1, length: count, recomputesActivations: problem.recomputes, ranks: ranks)
    let tokens = randomTokens(count, vocabulary: 41)
    var targets = randomTokens(count, vocabulary: 41, seed: 2)
    targets[count / 2] = -1
    let gradients = model.makeGradients()
    let loss = try pass.lossAndGradients(
      tokens: tokens, targets: targets, documents: try #require(Documents(lengths: problem.lengths)),
      lossScale: 1 / Float(count), into: gradients)
    return (Results(loss: loss.value, gradients: model.read(gradients)), model.layout)
  }

  /// The sum of what the ranks computed.
  private static func run(_ problem: Problem, ranks: Int) throws -> Results {
    let parts = try ThreadCommunicator.run(ranks: ranks) { communicator in
      try run(problem, makeBackend(threads: 1), ranks: communicator).results
    }
    var sum = parts[0]
    for part in parts.dropFirst() {
      sum.loss += part.loss
      for index in sum.gradients.indices { sum.gradients[index] += part.gradients[index] }
    }
    return sum
  }

  /// The loss and the gradient of every parameter are as near to the truth as they have to be: at most twice
  /// as far as the naive computation's, or those of one process, whichever happens to be farther.
  @Test(arguments: problems) func ranksComputeWhatOneProcessComputes(problem: Problem) throws {
    let (exact, layout) = try Self.run(problem, ReferenceBackend<Double>())
    let others = try [
      Self.run(problem, ReferenceBackend<Float>()).results,
      Self.run(problem, makeBackend(threads: 1)).results,
    ]
    for ranks in 2...4 {
      let found = try Self.run(problem, ranks: ranks)
      #expect(abs(found.loss - exact.loss) <= 1e-5 * abs(exact.loss), "\(ranks) ranks")
      for entry in layout.entries {
        let budgets = others.map { other in
          ErrorBudget(
            found.gradients[entry.range], naive: other.gradients[entry.range],
            truth: exact.gradients[entry.range].map(Double.init), metric: .rootMeanSquare)
        }
        #expect(budgets.contains { $0.isKept }, "\(entry.name), \(ranks) ranks: \(budgets)")
      }
    }
  }

  /// By heads and by panels.
  @Test(arguments: [problems[2], problems[8]]) func evaluationSharesTheTokensToo(problem: Problem) throws {
    @Sendable func loss(_ ranks: any Communicator) throws -> (sum: Double, count: Int, scores: [Int: Float]) {
      let model = try LanguageModel(problem.configuration, backend: makeBackend(threads: 1), seed: 3)
      let count = problem.lengths.reduce(0, +)
      let documents = try #require(Documents(lengths: problem.lengths))
      let training = try TrainingPass(model, batch: 1, length: count + 5, ranks: ranks)
      let pass = ScoringPass(sharing: training)
      let (tokens, targets) = (
        randomTokens(count, vocabulary: 41), randomTokens(count, vocabulary: 41, seed: 2)
      )
      let queries = pass.ownTokens(of: documents).joined().map { TokenQuery(place: $0, token: targets[$0]) }
      let scores = try pass.score(tokens, documents: documents, queries: queries, alternatives: 1)
      let (sum, own) = try training.loss(tokens: tokens, targets: targets, documents: documents)
      #expect(try pass.loss(tokens: tokens, targets: targets, documents: documents) == sum.value)
      let byPlace = zip(queries, scores).map { ($0.place, $1.logProbability) }
      return (sum.value, own, Dictionary(uniqueKeysWithValues: byPlace))
    }
    let one = try loss(SingleProcess())
    let parts = try ThreadCommunicator.run(ranks: 3) { try loss($0) }
    #expect(parts.reduce(0) { $0 + $1.count } == one.count)
    #expect(abs(parts.reduce(0) { $0 + $1.sum } - one.sum) < 1e-6 * one.sum)
    let scores = Dictionary(uniqueKeysWithValues: parts.flatMap { $0.scores.map { ($0, $1) } })
    #expect(scores.count == one.scores.count)
    for (place, score) in one.scores { #expect(abs(score - (scores[place] ?? .infinity)) < 1e-4) }
  }

  /// Of L tokens, each of N ranks sends its L / N: the columns of the others' heads, and back their outputs.
  @Test(arguments: 2...4) func bytesOnTheWireAreThoseOfTheory(ranks: Int) throws {
    let problem = Problem(name: "even", heads: (12, 12), lengths: [48])
    let configuration = try problem.configuration
    let sent = try ThreadCommunicator.run(ranks: ranks) { communicator in
      _ = try Self.run(problem, makeBackend(threads: 1), ranks: communicator)
      return communicator.bytesSent
    }
    let perToken = 2 * (configuration.projectionWidth + configuration.attentionWidth)
    let theory = configuration.layerCount * 48 / ranks * perToken * 4 * (ranks - 1) / ranks
    #expect(sent == Array(repeating: theory, count: ranks))
  }

  /// Everything of queries goes to all; k^U and v^U only to who has keys in whose window they are.
  @Test(arguments: [Mechanism.causal, .castle, .slidingWindow(70)])
  func panelsSendWhatTheoryAsks(mechanism: Mechanism) throws {
    let (ranks, panels, width) = (4, 12, PanelShares.panelWidth)
    let problem = Problem(name: "panels", heads: (2, 1), lengths: [panels * width]) {
      $0.mechanism = mechanism
    }
    let configuration = try problem.configuration
    let shares = PanelShares(Documents(length: panels * width), owners: ranks)
    let owners = (0..<panels).map { panel in
      shares.tokens.firstIndex { $0.contains { $0.contains(panel * width) } } ?? 0
    }
    let sent = try ThreadCommunicator.run(ranks: ranks) { communicator in
      _ = try Self.run(problem, makeBackend(threads: 1), ranks: communicator)
      return communicator.bytesSent
    }
    /// Who has keys that read the tokens of a block.
    func readers(_ block: Int) -> Set<Int> {
      guard mechanism.hasLookahead else { return [] }
      return Set((0...block).filter { (block - $0 - 1) * width < mechanism.windowLength }.map { owners[$0] })
    }
    let perQuery = 5 * configuration.attentionWidth + 3 * configuration.heads.queryHeads
    for rank in 0..<ranks {
      let own = owners.count { $0 == rank } * width
      var lookahead = 0
      for block in 0..<panels {
        lookahead +=
          owners[block] == rank
          ? 2 * readers(block).subtracting([rank]).count : readers(block).contains(rank) ? 1 : 0
      }
      let numbers = own * (ranks - 1) * perQuery + lookahead * width * 2 * configuration.kvWidth
      #expect(sent[rank] == 4 * configuration.layerCount * numbers)
    }
  }
}
