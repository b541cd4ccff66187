import CastleFormats

/// What the clock said of a step.
public struct StepTiming: Sendable, Hashable {
  /// The number of the step.
  public var step: Int
  /// The seconds of work since the run began, interruptions left out.
  public var seconds: Double
  /// The speed of this step.
  public var tokensPerSecond: Double
  /// The largest amount of memory that the process has held so far, in bytes.
  public var memory: Int

  /// Bundles the numbers.
  public init(step: Int, seconds: Double, tokensPerSecond: Double, memory: Int) {
    self.step = step
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
    self.memory = memory
  }

  var json: JSONValue {
    .object([
      "step": .integer(step), "seconds": .number(seconds), "tokens_per_second": .number(tokensPerSecond),
      "memory_bytes": .integer(memory),
    ])
  }
}
