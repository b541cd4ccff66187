import CastleAttention
import CastleFormats
import CastleInspection
import CastleModel
import Foundation
import Testing

@Suite struct AttentionTraceJSONTests {
  private struct Decoded: Decodable {
    struct Map: Decodable {
      var scale: Double
      var values: String

      var elements: [Double] {
        let bytes = Data(base64Encoded: values)!
        return stride(from: 0, to: bytes.count, by: 2).map {
          scale * Double(Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8))
        }
      }
    }

    struct Head: Decodable {
      var layer, head: Int
      var attention: Map
      var causal, lookahead, gates, readings: Map?
    }

    struct Model: Decodable {
      var name: String
      var layers, heads, kvHeads, headSize: Int
      var lookahead, silu, causalKeys, rotaryLookaheadValues: Bool
      var window: Int?
    }

    var model: Model
    var tokens: [String]
    var tokenIds: [Int32]
    var heads: [Head]
  }

  private static func decode(_ json: String) throws -> Decoded {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Decoded.self, from: Data(json.utf8))
  }

  @Test func theMapsComeBack() throws {
    let trace = try TestModel().trace(text, heads: .init(layer: 1))
    #expect(!trace.json.contains("\n"))
    let decoded = try Self.decode(trace.json)
    #expect(decoded.tokens.joined() == text && decoded.tokenIds.count == text.utf8.count)
    #expect(decoded.model.name == "test" && decoded.model.window == nil && decoded.model.lookahead)
    #expect(decoded.heads.map(\.layer) == [1, 1, 1, 1] && decoded.heads.map(\.head) == [0, 1, 2, 3])
    for (head, expected) in zip(decoded.heads, trace.heads) {
      let (attention, causal) = (head.attention.elements, try #require(head.causal).elements)
      let (term, gates) = (try #require(head.lookahead).elements, try #require(head.gates).elements)
      var place = 0
      for query in decoded.tokens.indices {
        for key in 0...query {
          let pairs = [
            (attention, expected.attention(of: query, to: key)),
            (causal, expected.causalScore(query: query, key: key)),
            (term, expected.lookaheadTerm(query: query, key: key)),
            (gates, expected.gate(of: key, for: query)),
          ]
          for (elements, value) in pairs {
            let largest = elements.map(abs).max() ?? 0
            #expect(abs(elements[place] - Double(value)) <= largest / 60_000)
          }
          place += 1
        }
      }
      #expect(place == attention.count)
    }
  }

  /// What a page adds up is what the trace says.
  @Test func gatesAndReadingsMakeTheTerm() throws {
    let trace = try TestModel { $0.mechanism = .slidingWindow(6) }.trace(
      text, heads: .init(layer: 0, head: 2))
    let head = try #require(try Self.decode(trace.json).heads.first)
    let (gates, readings) = (try #require(head.gates).elements, try #require(head.readings).elements)
    func place(_ row: Int, _ column: Int) -> Int { row * (row + 1) / 2 + column }
    for query in trace.tokens.indices {
      for key in 0...query {
        let product = (key...query).reduce(0) { $0 + gates[place($1, key)] * readings[place(query, $1)] }
        let expected = Double(trace.heads[0].lookaheadTerm(query: query, key: key))
        #expect(abs(-product / (1 + exp(-product)) - expected) < 2e-3)
      }
    }
  }

  @Test func whatAMechanismLacksIsNull() throws {
    let causal = try Self.decode(try TestModel(TestModel.kinds["causal"]!).trace("text").json)
    #expect(causal.heads.allSatisfy { $0.lookahead == nil && $0.gates == nil && $0.causal != nil })
    #expect(!causal.model.lookahead)
    let without = try Self.decode(try TestModel(TestModel.kinds["without causal keys"]!).trace("text").json)
    #expect(without.heads.allSatisfy { $0.lookahead != nil && $0.causal == nil })
    #expect(!without.model.causalKeys)
  }

  @Test func requestsAreRead() throws {
    let full = #"{"model":"plays","text":"To be","layer":1,"head":2,"color":"red"}"#
    #expect(
      try AttentionTraceRequest(json: full.utf8)
        == AttentionTraceRequest(model: "plays", text: "To be", heads: .init(layer: 1, head: 2)))
    let least = try AttentionTraceRequest(json: #"{"text":"To be"}"#.utf8)
    #expect(least == AttentionTraceRequest(model: nil, text: "To be"))
    let model = try TestModel()
    let trace = try least.trace(model: model.model, tokenizer: model.tokenizer, name: "test")
    #expect(trace.heads.count == 8)
  }

  @Test(arguments: [
    ("[]", "JSON object"), ("{", "malformed"), ("{}", "text is missing"), (#"{"text":5}"#, "text is 5"),
    (#"{"text":"a","layer":-1}"#, "layer is -1"), (#"{"text":"a","head":"b"}"#, "head is \"b\""),
    (#"{"text":"a","layer":1.5}"#, "layer is 1.5"), (#"{"text":"a","model":7}"#, "model is 7"),
  ])
  func wrongRequestsAreNamed(json: String, word: String) {
    let error = #expect(throws: InputError.self) { try AttentionTraceRequest(json: json.utf8) }
    #expect(error?.description.contains(word) == true, "\(String(describing: error))")
  }
}
