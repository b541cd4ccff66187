package import CastleModel

/// The time of a step on ranks with a network between them, from a few numbers: a simulation, no measurement.
///
/// A rank computes, and while the backward pass runs it sends gradients; what is not sent when the pass ends
/// is waited for, and so are the embedding, whose gradients are final last, and the updated weights. Every
/// rank sends and receives at the bandwidth at the same time, as on a switch that is never full. Each bucket
/// costs a message to each other rank.
package struct StepTimeModel: Sendable, Hashable {
  /// What a rank sends, and receives, in a second, in bytes.
  package var bandwidth: Double
  /// The seconds that a message takes besides its bytes.
  package var latency: Double
  /// The useful operations of a rank in a second.
  package var rate: Double
  /// How gradients travel.
  package var format: GradientFormat

  /// Bundles the numbers, all of which are positive.
  package init(bandwidth: Double, latency: Double, rate: Double, format: GradientFormat) {
    self.bandwidth = bandwidth
    self.latency = latency
    self.rate = rate
    self.format = format
  }

  /// The seconds of one step.
  package struct Step: Sendable, Hashable {
    /// Forward and backward pass.
    package var computation: Double
    /// All gradients on their way.
    package var gradients: Double
    /// The part of that for which the rank waits.
    package var wait: Double
    /// The updated weights on their way.
    package var weights: Double
    /// Targets, loss, norm and interruption, told to all.
    package var words: Double

    /// The whole step.
    package var seconds: Double { computation + wait + weights + words }
    /// The part of the step in which the rank computes.
    package var efficiency: Double { computation / seconds }
  }

  /// The backward pass computes two gradients where the forward pass computes one product.
  private static let backwardShare = 2.0 / 3
  /// The exchanges of single numbers in a step.
  private static let wordsPerStep = 4.0

  /// A step of `ranks` ranks that have `sequences` sequences of `length` tokens each.
  package func step(
    _ configuration: ModelConfiguration, length: Int, sequences: Int, ranks: Int
  ) -> Step {
    let layout = ParameterLayout(configuration)
    let computation = StepWork(configuration, length: length).operations * Double(sequences) / rate
    let embedding = layout.entries[0].count
    let layers = exchange(layout.parameterCount - embedding, bytes: format.byteCount, ranks: ranks)
    let last = exchange(embedding, bytes: format.byteCount, ranks: ranks)
    return Step(
      computation: computation, gradients: layers + last,
      wait: max(0, layers - Self.backwardShare * computation) + last,
      weights: exchange(layout.parameterCount, bytes: MemoryLayout<Float>.size, ranks: ranks),
      words: ranks > 1 ? Self.wordsPerStep * latency * Double(ranks - 1) : 0)
  }

  /// The seconds in which every rank sends its (N − 1) / N of so many numbers, bucket by bucket.
  private func exchange(_ count: Int, bytes: Int, ranks: Int) -> Double {
    guard ranks > 1 else { return 0 }
    let bucket = ArenaExchange.bucketSize(ranks: ranks)
    let messages = Double((count + bucket - 1) / bucket) * Double(ranks - 1)
    let sent = Double(count * bytes) * Double(ranks - 1) / Double(ranks)
    return sent / bandwidth + messages * latency
  }
}
