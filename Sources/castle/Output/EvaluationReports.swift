import CastleEvaluation
import CastleFormats

extension EvaluationResult {
  /// The result as JSON.
  var json: JSONValue {
    var members: JSONValue.Members = [
      "loss": .number(loss), "perplexity": .number(perplexity),
      "bits_per_byte": bitsPerByte.map { .number($0) } ?? .null, "tokens": .integer(tokens),
    ]
    if let accuracy { members["accuracy"] = .number(accuracy) }
    return .object(members)
  }

  /// The result as lines of text.
  var report: String {
    let bits = bitsPerByte.map { "\nbits per byte  \(NumberFormat.fixed($0, 4))" } ?? ""
    return """
      tokens         \(NumberFormat.grouped(tokens))
      loss           \(NumberFormat.fixed(loss, 4))
      perplexity     \(NumberFormat.fixed(perplexity, 3))\(bits)
      """
  }
}

extension RepeatedTextProbe.Result {
  /// The result as JSON.
  var json: JSONValue {
    .object(
      ["sequences": .integer(sequences), "length": .integer(length)]
        + firstHalf.members("first_half_loss") + secondHalf.members("second_half_loss")
        + inductionScore.members("induction_score"))
  }

  /// The result as lines of text.
  var report: String {
    """
    sequences        \(NumberFormat.grouped(sequences)) of \(NumberFormat.count(length, "token"))
    first half loss  \(firstHalf.text)
    second half loss \(secondHalf.text)
    induction score  \(inductionScore.text)
    """
  }
}

extension MeanEstimate {
  /// The number and its standard error as members of a JSON object.
  func members(_ name: String) -> JSONValue.Members {
    [name: .number(value), name + "_stderr": standardError.map { .number($0) } ?? .null]
  }

  /// The number with its standard error.
  var text: String {
    NumberFormat.fixed(value, 4) + (standardError.map { " ± " + NumberFormat.fixed($0, 4) } ?? "")
  }
}
