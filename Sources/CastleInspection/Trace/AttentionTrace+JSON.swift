import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import Foundation

extension AttentionTrace {
  /// The trace as one JSON object without a line break: what pages read, and the server's `/look/trace`
  /// answers.
  ///
  /// The maps are lower triangles, row by row, of 16-bit integers (little endian, in base64) that are to be
  /// multiplied by `scale`. In NumPy:
  ///
  /// ```python
  /// m = trace["heads"][0]["attention"]
  /// weights = numpy.zeros((n, n))
  /// weights[numpy.tril_indices(n)] = numpy.frombuffer(base64.b64decode(m["values"]), "<i2") * m["scale"]
  /// ```
  public var json: String { object.text }

  private var object: JSONValue.Members {
    [
      "model": .object(modelObject),
      "tokens": .list(tokens.map { .string($0.text) }),
      "token_ids": .list(tokens.map { .integer(Int($0.id)) }),
      "heads": .list(heads.map { .object($0.object) }),
    ]
  }

  private var modelObject: JSONValue.Members {
    let mechanism = configuration.mechanism
    var window: JSONValue = .null
    if case .tokens(let count) = mechanism.window { window = .integer(count) }
    return [
      "name": .string(name),
      "layers": .integer(configuration.layerCount),
      "heads": .integer(configuration.heads.queryHeads),
      "kv_heads": .integer(configuration.heads.kvHeads),
      "head_size": .integer(configuration.heads.headSize),
      "lookahead": .bool(configuration.hasLookahead),
      "window": window,
      "silu": .bool(mechanism.appliesSiLU),
      "causal_keys": .bool(mechanism.usesCausalKeys),
      "rotary_lookahead_values": .bool(configuration.rotatesLookaheadValues),
    ]
  }
}

extension AttentionTrace.Head {
  fileprivate var object: JSONValue.Members {
    [
      "layer": .integer(layer),
      "head": .integer(head),
      "output_deviation": .number(deviation),
      "attention": maps.weights.json,
      "causal": maps.causal?.json ?? .null,
      "lookahead": maps.lookahead?.term.json ?? .null,
      "gates": maps.lookahead?.gates.json ?? .null,
      "readings": maps.lookahead?.readings.json ?? .null,
    ]
  }
}

extension LowerTriangle {
  /// The elements as integers of 16 bits and what to multiply them by.
  fileprivate var json: JSONValue {
    let largest = elements.reduce(0) { max($0, abs($1)) }
    let scale = largest / Float(Int16.max)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(2 * elements.count)
    for element in elements {
      let value = scale > 0 ? Int16(clamping: Int((element / scale).rounded())) : 0
      bytes.append(UInt8(truncatingIfNeeded: value))
      bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    }
    return .object(
      ["scale": .number(Double(scale)), "values": .string(Data(bytes).base64EncodedString())]
    )
  }
}
