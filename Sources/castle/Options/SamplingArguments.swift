import ArgumentParser
import CastleGeneration

/// How tokens are chosen.
struct SamplingArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: "What logits are divided by; 0 always takes the best token.")
  var temperature: Float = 0.8

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Choose among this many of the best tokens; 0: all.", valueName: "count"))
  var topK = 0

  @Option(parsing: .unconditional, help: "Choose among the best tokens whose probabilities add up to this.")
  var topP: Float = 0.95

  @Option(parsing: .unconditional, help: "Choose among tokens at least this likely relative to the best one.")
  var minP: Float = 0

  @Option(
    parsing: .unconditional,
    help: "Divide positive logits of tokens that have occurred by this; 1: no penalty.")
  var repetitionPenalty: Float = 1

  @Option(
    parsing: .unconditional, help: "What the choices are made from: the same seed writes the same text.",
    transform: Seed.parse)
  var seed: UInt64 = 0

  func validate() throws {
    guard topK >= 0 else {
      throw ValidationError("--top-k is \(topK), it must be 0 for all tokens, or 1 or more")
    }
  }

  /// The options, checked.
  func options() throws -> SamplingOptions {
    try SamplingOptions(
      temperature: temperature, topK: topK == 0 ? nil : topK, topP: topP, minP: minP,
      repetitionPenalty: repetitionPenalty, seed: seed)
  }
}
