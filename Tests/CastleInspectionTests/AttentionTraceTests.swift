import CastleAttention
import CastleFormats
import CastleInspection
import CastleModel
import CastleOperations
import Foundation
import Testing

@Suite struct AttentionTraceTests {
  @Test(arguments: TestModel.kinds.keys.sorted())
  func mapsAreThoseOfTheLayers(kind: String) throws {
    let trace = try TestModel(TestModel.kinds[kind]!).trace(text)
    #expect(trace.tokens.map(\.text).joined() == text)
    #expect(trace.heads.map { [$0.layer, $0.head] } == (0..<8).map { [$0 / 4, $0 % 4] })
    for head in trace.heads {
      #expect(head.deviation < 2e-6, "layer \(head.layer), head \(head.head)")
      for query in trace.tokens.indices {
        let weights = head.attention(of: query).map(Double.init)
        #expect(abs(weights.reduce(0, +) - 1) < 1e-5)
        let powers = (0...query).map { key in
          exp(Double(head.causalScore(query: query, key: key) + head.lookaheadTerm(query: query, key: key)))
        }
        let sum = powers.reduce(0, +)
        for (weight, power) in zip(weights, powers) { #expect(abs(weight - power / sum) < 1e-5) }
      }
    }
  }

  @Test(arguments: TestModel.kinds.keys.sorted())
  func trajectoriesEndInTheMap(kind: String) throws {
    let model = try TestModel(TestModel.kinds[kind]!)
    let trace = try model.trace(text, heads: .init(layer: 1, head: 3))
    let head = try #require(trace.heads.first)
    for query in trace.tokens.indices {
      for key in 0...query {
        let curve = head.trajectory(key: key, query: query)
        guard model.model.configuration.mechanism.hasLookahead else {
          #expect(curve.isEmpty && head.lookaheadTerm(query: query, key: key) == 0)
          continue
        }
        #expect(curve.count == query - key + 1)
        #expect(curve.first == 0)
        #expect(abs(curve.last! - Double(head.lookaheadTerm(query: query, key: key))) < 1e-5)
      }
    }
  }

  /// The curves are those of the lookahead keys themselves, made token by token by Equation (1).
  @Test(arguments: ["castle", "castle-swl", "without SiLU", "grouped", "unrotated values"])
  func trajectoriesAreThoseOfTheKeys(kind: String) throws {
    let model = try TestModel(TestModel.kinds[kind]!)
    let configuration = model.model.configuration
    let (size, heads) = (configuration.heads.headSize, configuration.heads)
    let (queryHead, query) = (3, 30)
    let head = try #require(try model.trace(text, heads: .init(layer: 1, head: queryHead)).heads.first)
    try model.model.captureAttention(Array(text.utf8).map(Int32.init), layers: 1..<2) { capture in
      capture.withProjections { projections in
        for time in 0...query {
          let part = projections.tokens(0..<time + 1)
          var keys = [Double](repeating: 0, count: heads.kvHeads * (time + 1) * size)
          var rest = [Double](repeating: 0, count: heads.queryHeads * (time + 1) * (size + 1))
          keys.withUnsafeMutableBufferPointer { keys in
            rest.withUnsafeMutableBufferPointer { rest in
              func view(_ base: UnsafeMutablePointer<Double>, heads: Int, size: Int) -> HeadView<Double> {
                HeadView(dense: base, batch: 1, heads: heads, length: time + 1, size: size)
              }
              let sums = rest.baseAddress! + heads.queryHeads * (time + 1) * size
              let u = view(keys.baseAddress!, heads: heads.kvHeads, size: size)
              ReferenceAttention.recurrent(
                part, mechanism: configuration.mechanism, documents: Documents(length: time + 1),
                results: AttentionResults(
                  output: view(rest.baseAddress!, heads: heads.queryHeads, size: size),
                  logSumExp: view(sums, heads: heads.queryHeads, size: 1), lookaheadKeys: u))
              let q = projections.qc.token(0, queryHead, query)
              for key in 0...time {
                let row = u.token(0, queryHead / (heads.queryHeads / heads.kvHeads), key)
                let product = (0..<size).reduce(0) { $0 + q[$1] * row[$1] } / Double(size).squareRoot()
                let term = configuration.mechanism.appliesSiLU ? -product / (1 + exp(-product)) : -product
                #expect(abs(head.trajectory(key: key, query: query)[time - key] - term) < 1e-5)
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: TestModel.kinds.keys.sorted())
  func whatComesLaterChangesNothing(kind: String) throws {
    let model = try TestModel(TestModel.kinds[kind]!)
    let whole = try model.trace(text)
    let part = try model.trace(String(text.prefix(20)))
    for (head, other) in zip(part.heads, whole.heads) {
      for query in part.tokens.indices {
        for key in 0...query {
          #expect(abs(head.attention(of: query, to: key) - other.attention(of: query, to: key)) < 1e-4)
          let terms = [head, other].map { $0.lookaheadTerm(query: query, key: key) }
          #expect(abs(terms[0] - terms[1]) < 1e-3)
        }
      }
      for (value, expected) in zip(head.trajectory(key: 3, query: 19), other.trajectory(key: 3, query: 19)) {
        #expect(abs(value - expected) < 1e-3)
      }
    }
  }

  @Test func gatesStayInTheWindow() throws {
    let trace = try TestModel { $0.mechanism = .slidingWindow(5) }.trace(text)
    for head in trace.heads {
      for reader in trace.tokens.indices {
        for key in 0...reader {
          let gate = head.gate(of: key, for: reader)
          #expect((1...5).contains(reader - key) ? gate > 0 && gate < 1 : gate == 0)
        }
      }
    }
  }

  @Test func halfCharactersAreWrittenAsBytes() throws {
    let trace = try TestModel().trace("é!")
    #expect(trace.tokens.map(\.text) == ["\\xC3", "\\xA9", "!"])
  }

  @Test func whatIsTooMuchIsRefused() throws {
    let model = try TestModel { $0.maximumLength = 30 }
    func refusal(
      _ text: String, heads: AttentionTrace.Heads = .all, limits: AttentionTrace.Limits = .init()
    ) -> String {
      do {
        _ = try AttentionTrace(
          of: text, model: model.model, tokenizer: model.tokenizer, name: "test", heads: heads, limits: limits
        )
        return "none"
      } catch { return "\(error)" }
    }
    #expect(refusal("").contains("empty"))
    #expect(refusal("seven t", limits: .init(tokens: 6)).contains("7 tokens, more than the limit of 6"))
    #expect(refusal(text).contains("max_position_embeddings, 30"))
    #expect(refusal("text", heads: .init(layer: 2)).contains("no layer 2; choose one from 0 to 1"))
    #expect(refusal("text", heads: .init(head: -1)).contains("no head -1; choose one from 0 to 3"))
    #expect(refusal("text", limits: .init(bytes: 100)).contains("choose one layer or one head"))
    #expect(refusal("text", heads: .init(layer: 1, head: 1), limits: .init(bytes: 1_000)) == "none")
  }

  @Test func memoryThatNoMachineHasIsNotTaken() throws {
    var configuration = try TestModel().model.configuration
    configuration.maximumLength = 1 << 30
    let limits = AttentionTrace.Limits(tokens: .max, bytes: .max)
    let tokens = [Int32](repeating: 1, count: 4_000_000)
    let error = #expect(throws: InputError.self) {
      try AttentionTrace.Plan(configuration, tokens: tokens, heads: .all, limits: limits).checkMemory()
    }
    #expect(error?.description.contains("of memory, but only") == true)
  }

  @Test func damagedWeightsAreReported() throws {
    let model = try TestModel()
    model.model.backend.fill(model.model.weights, with: .nan)
    let error = #expect(throws: InputError.self) { try model.trace("text") }
    #expect(error?.description.contains("head 0 of layer 0 gives what is not a number") == true)
  }
}
