import CastleGeneration
import CastleTensors
import Foundation
import Testing

/// The sampler against its definition, which sorts the vocabulary.
struct SamplerReferenceTests {
  /// What the logits of a choice look like.
  enum Shape: CaseIterable {
    case flat, peaked, tied, equal, almostEqual, mostlyImpossible, one, wide

    func logits(_ count: Int, _ random: inout RandomSource) -> [Float] {
      (0..<count).map { place in
        let x = random.nextNormal()
        return switch self {
        case .flat: x * 0.3
        case .peaked: x * 5
        case .tied: (x * 2).rounded()
        case .equal: 1.5
        case .almostEqual: place % 3 == 0 ? Float(1).nextUp : place % 3 == 1 ? 1 : 1 + x * 1e-6
        case .mostlyImpossible: place % 17 == 0 ? x : -.infinity
        case .one: place == count / 2 ? 0 : -.infinity
        case .wide: x * 1e37
        }
      }
    }
  }

  /// The next token by the definition: rank, keep the k best, then the fewest that have the share p, then
  /// those not below the floor; draw among these in the order of their ids.
  private func reference(_ logits: [Float], _ options: SamplingOptions, _ random: inout RandomSource) throws
    -> Int32
  {
    var ranked = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
    let best = logits[ranked[0]]
    if let k = options.topK { ranked = Array(ranked.prefix(k)) }
    ranked.sort()
    let weights = Dictionary(
      uniqueKeysWithValues: zip(
        ranked, try Sampler.weights(ranked.map { logits[$0] }, temperature: options.temperature)))
    ranked.sort { (-logits[$0], $0) < (-logits[$1], $1) }
    let need = Double(options.topP) * ranked.reduce(0) { $0 + weights[$1]! }
    var sum = 0.0
    ranked = ranked.prefix { token in
      defer { sum += weights[token]! }
      return options.topP == 1 || sum < need
    }
    let floor = best + options.temperature * log(options.minP)
    let kept = ranked.filter { logits[$0] >= floor }.sorted()
    let total = kept.reduce(0) { $0 + weights[$1]! }
    var rest = min((random.nextDouble() * total).rounded(.down), total - 1)
    for token in kept {
      rest -= weights[token]!
      if rest < 0 { return Int32(token) }
    }
    Issue.record("no token was drawn")
    return -1
  }

  @Test(arguments: Shape.allCases, [1, 7, 8, 129, 3000])
  func choicesAreThoseOfTheSortedRanking(shape: Shape, count: Int) throws {
    var source = RandomSource(seed: 17)
    let logits = shape.logits(count, &source)
    for topK in [nil, 1, 5, 70, 2000] as [Int?] {
      for topP in [1, 0.999, 0.95, 0.5, 1e-6] as [Float] {
        for (temperature, minP) in [(0.8, 0), (1, 0.05), (3, 1), (1e-3, 0), (1e30, 0.2)] as [(Float, Float)] {
          let options = try SamplingOptions(
            temperature: temperature, topK: topK, topP: topP, minP: minP, seed: 23)
          var sampler = Sampler(options)
          var random = RandomSource(seed: 23)
          for _ in 0..<3 {
            let expected = try reference(logits, options, &random)
            #expect(try sampler.next(logits) == expected, "\(options)")
          }
        }
      }
    }
  }

  @Test(arguments: [Float(0.1), 0.8, 1, 2]) func weightsAreExponentials(temperature: Float) throws {
    var source = RandomSource(seed: 3)
    let logits = [0] + (0..<1000).map { _ in -abs(source.nextNormal()) * 10 * temperature }
    let weights = try Sampler.weights(logits, temperature: temperature)
    #expect(weights[0] == 0x1p38)
    for (logit, weight) in zip(logits, weights) {
      let expected = exp(Double(logit / temperature)) * 0x1p38
      #expect(abs(weight - expected) <= 1e-6 * expected + 0.5)
    }
  }

  /// The largest vocabularies must neither be sorted nor lose the exactness of sums.
  @Test func aLargeVocabularyIsNoBurden() throws {
    let logits = (0..<1_000_000).map { Float($0 % 1000) * 1e-3 }
    var sampler = Sampler(try SamplingOptions(topP: 0.9, seed: 1))
    let weights = try Sampler.weights(logits, temperature: 1)
    #expect(weights.max() == 0x1p33)
    for _ in 0..<20 { #expect(logits[Int(try sampler.next(logits))] > 0) }
  }
}
