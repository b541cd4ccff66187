import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations

extension AttentionTrace {
  /// One query head of one layer.
  ///
  /// Where a query and a key are asked for, they are numbers of tokens, from 0, and the key is not after the
  /// query.
  public struct Head: Sendable {
    /// The number of the layer, from 0.
    public let layer: Int
    /// The number of the query head, from 0.
    public let head: Int
    /// The largest difference between the output that follows from the maps and the one that the layer
    /// computed, relative to the largest output: rounding, a few 1e-7.
    public let deviation: Double

    let maps: AttentionMaps

    init(_ head: Int, of capture: inout AttentionCapture, _ configuration: ModelConfiguration) throws {
      layer = capture.layer
      self.head = head
      maps = capture.withProjections {
        AttentionMaps($0, mechanism: configuration.mechanism, queryHead: head)
      }
      let size = configuration.heads.headSize
      var (largest, difference) = (0.0, 0.0)
      for (index, expected) in maps.output.enumerated() {
        let place = index / size * configuration.attentionWidth + head * size + index % size
        largest = max(largest, abs(expected))
        difference = max(difference, abs(Double(capture.attended[place]) - expected))
      }
      deviation = largest > 0 ? difference / largest : difference
      guard maps.areFinite, deviation.isFinite else {
        throw InputError(
          subject: "head \(String(head)) of layer \(String(layer))", problem: "gives what is not a number",
          remedy: "the weights are damaged or training diverged; use another checkpoint")
      }
    }

    /// How much `query` attends to `key`: the softmax of the scores. All weights of a query sum to 1.
    public func attention(of query: Int, to key: Int) -> Float { maps.weights[query, key] }

    /// All weights of a query, from token 0 to its own.
    public func attention(of query: Int) -> ArraySlice<Float> { maps.weights.row(query) }

    /// q^C · k^C / √d; 0 for a mechanism without causal keys.
    public func causalScore(query: Int, key: Int) -> Float { maps.causal?[query, key] ?? 0 }

    /// −SiLU(q^C · u / √d), what the lookahead key adds to the score; 0 for causal attention.
    public func lookaheadTerm(query: Int, key: Int) -> Float { maps.lookahead?.term[query, key] ?? 0 }

    /// sigmoid(q^U · k^U / √d): how far the gate of `key` opened for the later token `reader`, from 0 to 1; 0
    /// outside the window and for causal attention.
    public func gate(of key: Int, for reader: Int) -> Float { maps.lookahead?.gates[reader, key] ?? 0 }

    /// How the lookahead term of a key moves for one query as the text is read, from token `key` to token
    /// `query`.
    ///
    /// It begins at 0, when the key has read nothing, and ends at ``lookaheadTerm(query:key:)``. Empty for
    /// causal attention.
    public func trajectory(key: Int, query: Int) -> [Double] { maps.trajectory(key: key, query: query) }

    /// The output of the head for a token, d numbers: the weighted sum of the values, before the output
    /// projection.
    public func output(of query: Int) -> ArraySlice<Double> {
      let size = maps.output.count / maps.weights.size
      return maps.output[query * size..<(query + 1) * size]
    }
  }
}

extension AttentionMaps {
  fileprivate var areFinite: Bool {
    let triangles = [weights, causal, lookahead?.term, lookahead?.gates, lookahead?.readings]
    return triangles.allSatisfy { $0?.elements.allSatisfy(\.isFinite) ?? true }
  }
}
