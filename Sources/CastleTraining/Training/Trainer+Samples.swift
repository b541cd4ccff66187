import CastleCluster
import CastleCorpus
import CastleGeneration
import CastleTokenizer

extension Trainer {
  /// A text that the model wrote.
  struct Sample {
    var prompt: SamplePrompt
    var text: String
  }

  /// Writes a text for each prompt, on the main rank alone; nil if someone asked to end.
  func drawSamples() throws -> [Sample]? {
    let samples = communicator.world.isMain ? try drawOwnSamples() : []
    return try communicator.isTrueOnAny(samples == nil) ? nil : samples
  }

  private func drawOwnSamples() throws -> [Sample]? {
    guard let tokenizer = plan.data.text?.tokenizer else { return [] }
    var samples: [Sample] = []
    for (index, prompt) in plan.prompts.enumerated() {
      let options = try SamplingOptions(
        temperature: Float(configuration.samples.temperature),
        seed: configuration.seed &+ UInt64(state.step) &* 1_000_003 &+ UInt64(index))
      guard let text = try sample(prompt, options, tokenizer) else { return nil }
      samples.append(Sample(prompt: prompt, text: text))
    }
    return samples
  }

  /// Keeps and shows `samples`.
  func record(_ samples: [Sample]) throws {
    for sample in samples {
      try records.add(sample: sample.text, prompt: sample.prompt.text, step: state.step)
      progress.sampled(sample.text, prompt: sample.prompt.text, step: state.step)
    }
  }

  private func sample(
    _ prompt: SamplePrompt, _ options: SamplingOptions, _ tokenizer: Tokenizer
  ) throws -> String? {
    let request = TextRequest(
      .tokens(prompt.tokens), sampling: options, maximumTokens: configuration.samples.maximumTokens)
    let generator = try TextGenerator(
      request, model: model, tokenizer: tokenizer, isCancelled: isInterrupted)
    let sample = try generator.remainingText()
    return generator.finishReason == .cancelled ? nil : sample
  }
}
