import CastleEvaluation
import CastleFormats

extension EvaluationResult {
  /// The result as JSON.
  var json: JSONObject {
    JSONObject(
      [
        ("loss", .number(loss)), ("perplexity", .number(perplexity)),
        ("bits_per_byte", bitsPerByte.map { .number($0) } ?? .null), ("tokens", .integer(tokens)),
      ] + (accuracy.map { [("accuracy", .number($0))] } ?? []))
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
  var json: JSONObject {
    JSONObject(
      [("sequences", .integer(sequences)), ("length", .integer(length))]
        + firstHalf.fields("first_half_loss") + secondHalf.fields("second_half_loss")
        + inductionScore.fields("induction_score"))
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
  func fields(_ name: String) -> [(String, JSONObject.Value)] {
    [(name, .number(value)), (name + "_stderr", standardError.map { .number($0) } ?? .null)]
  }

  /// The number with its standard error.
  var text: String {
    NumberFormat.fixed(value, 4) + (standardError.map { " ± " + NumberFormat.fixed($0, 4) } ?? "")
  }
}
