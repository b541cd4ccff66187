import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Foundation
import Testing

@Suite struct ScoringPassTests {
  /// The log-probabilities after each token of one document, from its logits.
  private func logProbabilities(_ model: LanguageModel, _ tokens: [Int32]) throws -> [[Double]] {
    let logits = try model.logits(tokens).map(Double.init)
    let width = model.configuration.vocabularySize
    return tokens.indices.map { row in
      let own = logits[row * width..<(row + 1) * width]
      let largest = own.max() ?? 0
      let sum = largest + log(own.reduce(0) { $0 + exp($1 - largest) })
      return own.map { $0 - sum }
    }
  }

  /// Documents of odd lengths side by side, one place asked twice, the rows not in order.
  @Test(arguments: ["1m-causal", "1m-castle", "1m-castle-swl"])
  func packedDocumentsScoreAsAlone(preset: String) throws {
    let model = try makeModel(preset)
    let pass = try ScoringPass(model, tokenCapacity: 128, longest: 77)
    let tokens = randomTokens(101)
    let documents = [0..<1, 1..<78, 78..<80, 80..<101]
    let places = [100, 0, 1, 77, 77, 79, 40, 3]
    let queries = places.map { TokenQuery(place: $0, token: Int32(($0 * 7) % 50)) }
    let scores = try pass.score(tokens, documents: Documents(documents), queries: queries, alternatives: 5)
    try #require(scores.count == queries.count)
    for (query, score) in zip(queries, scores) {
      let document = try #require(documents.first { $0.contains(query.place) })
      let all = try logProbabilities(model, Array(tokens[document]))[query.place - document.lowerBound]
      #expect(score.token == query.token)
      #expect(abs(Double(score.logProbability) - all[Int(query.token)]) < 2e-5)
      let best = all.indices.sorted { all[$0] > all[$1] }.prefix(5)
      #expect(score.alternatives.map(\.token) == best.map(Int32.init))
      for (alternative, id) in zip(score.alternatives, best) {
        #expect(abs(Double(alternative.logProbability) - all[id]) < 2e-5)
      }
      #expect(score.isGreedy == (Int32(best[0]) == query.token))
    }
    let plain = try pass.score(tokens, documents: Documents(documents), queries: queries)
    #expect(plain.map(\.logProbability) == scores.map(\.logProbability))
    #expect(plain.allSatisfy { $0.isGreedy == nil && $0.alternatives.isEmpty })
  }

  /// More questions than rows of logits fit in memory, and more alternatives than tokens.
  @Test func manyQueriesAreAnsweredInOrder() throws {
    let model = try makeModel()
    let pass = try ScoringPass(model, tokenCapacity: 64, longest: 64)
    let tokens = randomTokens(20)
    let queries = (0..<500).map { TokenQuery(place: $0 % 20, token: Int32($0 % 50)) }
    let scores = try pass.score(tokens, documents: Documents([0..<20]), queries: queries, alternatives: 60)
    let expected = try logProbabilities(model, tokens)
    for (query, score) in zip(queries, scores) {
      #expect(abs(Double(score.logProbability) - expected[query.place][Int(query.token)]) < 2e-5)
      #expect(score.alternatives.count == 50)
    }
  }

  @Test(arguments: [false, true])
  func theLossIsThatOfTraining(recomputes: Bool) throws {
    let model = try makeModel()
    let (tokens, targets) = (randomTokens(70), randomTokens(70, seed: 2))
    let documents = [0..<40, 40..<47, 47..<70]
    let training = try TrainingPass(model, batch: 2, length: 40, recomputesActivations: recomputes)
    let loss = try training.loss(tokens: tokens, targets: targets, documents: Documents(documents)).sum.value
    let sharing = ScoringPass(sharing: training)
    #expect(try sharing.loss(tokens: tokens, targets: targets, documents: Documents(documents)) == loss)
    let own = try ScoringPass(model, tokenCapacity: 80, longest: 40)
    #expect(try own.loss(tokens: tokens, targets: targets, documents: Documents(documents)) == loss)
    let queries = targets.enumerated().map { TokenQuery(place: $0, token: $1) }
    let scores = try sharing.score(tokens, documents: Documents(documents), queries: queries)
    #expect(abs(scores.reduce(0) { $0 - Double($1.logProbability) } - loss) < 1e-6 * loss)
  }

  @Test func whatTheModelDoesNotHaveIsNamed() throws {
    let model = try makeModel()
    let pass = try ScoringPass(model, tokenCapacity: 8, longest: 8)
    #expect(throws: InputError("token id 50 at position 1 is not in the vocabulary, 0 to 49")) {
      try pass.score(
        [1, 2], documents: Documents([0..<2]),
        queries: [.init(place: 0, token: 3), .init(place: 1, token: 50)])
    }
    #expect(throws: InputError.self) {
      try pass.score([1, -1], documents: Documents([0..<2]), queries: [.init(place: 0, token: 3)])
    }
    #expect(throws: InputError.self) { try ScoringPass(model, tokenCapacity: 4096, longest: 4096) }
  }

  @Test(arguments: ["1m-causal", "1m-castle"])
  func thePlanIsWhatIsAllocated(preset: String) throws {
    let model = try makeModel(preset, layers: 3)
    let pass = try ScoringPass(model, tokenCapacity: 300, longest: 100)
    let queries = [TokenQuery(place: 0, token: 1)]
    _ = try pass.score([1, 2], documents: Documents([0..<2]), queries: queries, alternatives: 1)
    var sizes: [ObjectIdentifier: Int] = [:]
    var arrays = 0
    collect(pass, into: &sizes, arrays: &arrays)
    sizes[ObjectIdentifier(model.weights.buffer)] = nil
    let planned = ScoringPass.byteCount(model.configuration, tokenCapacity: 300, longest: 100)
    #expect(sizes.values.reduce(arrays, +) == planned)
  }

  /// The sizes of all buffers and arrays of numbers that `value` holds, however deep.
  private func collect(_ value: Any, into sizes: inout [ObjectIdentifier: Int], arrays: inout Int) {
    if let buffer = value as? Buffer {
      sizes[ObjectIdentifier(buffer)] = buffer.byteCount
    } else if let numbers = value as? [Float] {
      arrays += 4 * numbers.count
    } else if !(value is LanguageModel) {
      for child in Mirror(reflecting: value).children where child.label != "backend" {
        collect(child.value, into: &sizes, arrays: &arrays)
      }
    }
  }
}
