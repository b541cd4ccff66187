import CastleFormats

/// The log-probabilities of tokens in the forms of the two interfaces.
enum LogProbabilities {
  /// `logprobs` of a completion: arrays with one entry for each token.
  static func completion(_ tokens: [ScoredToken]) -> JSONValue.Members {
    [
      "tokens": .list(tokens.map { .string($0.name) }),
      "token_logprobs": .list(tokens.map { $0.logProbability.map { .number($0) } ?? .null }),
      "top_logprobs": .list(tokens.map { top($0).map { .object($0) } ?? .null }),
      "text_offset": .list(tokens.map { .integer($0.offset) }),
    ]
  }

  /// The alternatives of a token by their texts, and itself. Of tokens with one text the most probable stays.
  private static func top(_ token: ScoredToken) -> JSONValue.Members? {
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
    return JSONValue.Members(fields.map { ($0.name, .number($0.value)) })
  }

  /// `logprobs` of a chat completion.
  static func chat(_ tokens: [ScoredToken]) -> JSONValue.Members {
    func entry(_ name: String, _ bytes: [UInt8], _ value: Double) -> [(key: String, value: JSONValue)] {
      [
        ("token", .string(name)), ("logprob", .number(value)),
        ("bytes", .list(bytes.map { .integer(Int($0)) })),
      ]
    }
    let content = tokens.map { token -> JSONValue in
      let top = token.alternatives.map { JSONValue.Members(entry($0.name, $0.bytes, $0.logProbability)) }
      let own = entry(token.name, token.bytes, token.logProbability ?? 0)
      return .object(JSONValue.Members(own + [("top_logprobs", .list(top.map { .object($0) }))]))
    }
    return ["content": .list(content), "refusal": .null]
  }

  /// The alternatives of each token with their ids, the best first: what a page needs to go on from one.
  static func alternatives(_ tokens: [ScoredToken]) -> JSONValue {
    .list(
      tokens.map { token in
        .list(
          token.alternatives.map { other in
            .object(
              [
                "id": .integer(Int(other.id)),
                "token": .string(other.name),
                "logprob": .number(other.logProbability),
              ])
          })
      })
  }
}
