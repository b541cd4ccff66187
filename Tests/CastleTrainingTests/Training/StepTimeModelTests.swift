import CastleModel
import CastleTraining
import Testing

/// The simulated time of a step.
@Suite struct StepTimeModelTests {
  private let configuration: ModelConfiguration
  private let parameters: Double

  init() throws {
    configuration = try ModelPreset("10m-castle").configuration
    parameters = Double(ParameterLayout(configuration).parameterCount)
  }

  private func step(
    ranks: Int, bandwidth: Double = 1e9, latency: Double = 0, format: GradientFormat = .float32
  ) -> StepTimeModel.Step {
    StepTimeModel(bandwidth: bandwidth, latency: latency, rate: 1e11, format: format)
      .step(configuration, length: 512, sequences: 4, ranks: ranks)
  }

  @Test func aSingleRankWaitsForNobody() {
    let step = step(ranks: 1, latency: 1)
    #expect(step.efficiency == 1 && step.seconds == step.computation)
    #expect(abs(step.computation / (StepWork(configuration, length: 512).operations * 4 / 1e11) - 1) < 1e-12)
  }

  /// P (N − 1) / N numbers of 4 bytes each way; half of that for gradients in half the bytes.
  @Test func bytesTakeTheTimeOfTheBandwidth() {
    let full = step(ranks: 4)
    let seconds = parameters * 4 * 3 / 4 / 1e9
    #expect(abs(full.gradients / seconds - 1) < 1e-9 && abs(full.weights / seconds - 1) < 1e-9)
    let half = step(ranks: 4, format: .bfloat16)
    #expect(abs(half.gradients / seconds - 0.5) < 1e-9 && half.weights == full.weights)
  }

  /// What a fast network sends while the backward pass runs is not waited for, but for the embedding.
  @Test func theBackwardPassHidesGradients() {
    let fast = step(ranks: 2, bandwidth: 1e12)
    let embedding = Double(ParameterLayout(configuration).entries[0].count)
    #expect(abs(fast.wait / (embedding * 4 / 2 / 1e12) - 1) < 1e-9)
    let slow = step(ranks: 2, bandwidth: 1e6)
    #expect(abs(slow.wait / (slow.gradients - 2 / 3 * slow.computation) - 1) < 1e-9)
    #expect(slow.efficiency < 0.1 && fast.efficiency > 0.99)
  }

  @Test func latencyGrowsWithTheRanks() {
    let few = step(ranks: 2, latency: 1e-3)
    let many = step(ranks: 64, latency: 1e-3)
    #expect(many.weights - few.weights > 60e-3 && many.words > few.words)
  }
}
