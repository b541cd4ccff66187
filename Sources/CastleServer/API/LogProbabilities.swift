import CastleFormats

/// The log-probabilities of tokens in the forms of the two interfaces.
enum LogProbabilities {
  /// `logprobs` of a completion: arrays with one entry for each token.
  static func completion(_ tokens: [ScoredToken]) -> JSONObject {
    JSONObject([
      ("tokens", .array(tokens.map { .text($0.name) })),
      ("token_logprobs", .array(tokens.map { $0.logProbability.map { .number($0) } ?? .null })),
      ("top_logprobs", .array(tokens.map { top($0).map { .object($0) } ?? .null })),
      ("text_offset", .array(tokens.map { .integer($0.offset) })),
    ])
  }

  /// The alternatives of a token by their texts, and itself. Of tokens with one text the most probable stays.
  private static func top(_ token: ScoredToken) -> JSONObject? {
    guard let own = token.logProbability else { return nil }
    // Found by bytes: strings that Unicode calls equal are texts of different tokens.
    var places: [[UInt8]: Int] = [:]
    var fields: [(name: String, value: Double)] = []
    for (name, value) in token.alternatives.map({ ($0.name, $0.logProbability) }) + [(token.name, own)] {
      if let place = places[Array(name.utf8)] {
        fields[place].value = max(fields[place].value, value)
      } else {
        places[Array(name.utf8)] = fields.count
        fields.append((name, value))
      }
    }
    return JSONObject(fields.map { ($0.name, .number($0.value)) })
  }

  /// `logprobs` of a chat completion.
  static func chat(_ tokens: [ScoredToken]) -> JSONObject {
    func entry(_ name: String, _ bytes: [UInt8], _ value: Double) -> [(String, JSONObject.Value)] {
      [
        ("token", .text(name)), ("logprob", .number(value)),
        ("bytes", .array(bytes.map { .integer(Int($0)) })),
      ]
    }
    let content = tokens.map { token -> JSONObject.Value in
      let top = token.alternatives.map { JSONObject(entry($0.name, $0.bytes, $0.logProbability)) }
      let own = entry(token.name, token.bytes, token.logProbability ?? 0)
      return .object(JSONObject(own + [("top_logprobs", .array(top.map { .object($0) }))]))
    }
    return JSONObject([("content", .array(content)), ("refusal", .null)])
  }

  /// The alternatives of each token with their ids, the best first: what a page needs to go on from one.
  static func alternatives(_ tokens: [ScoredToken]) -> JSONObject.Value {
    .array(
      tokens.map { token in
        .array(
          token.alternatives.map { other in
            .object(
              JSONObject([
                ("id", .integer(Int(other.id))), ("token", .text(other.name)),
                ("logprob", .number(other.logProbability)),
              ]))
          })
      })
  }
}
