import CastleFormats
import CastleGeneration
import CastleText

extension Trainer {
  /// Writes a text for each prompt, or one from the beginning of a document.
  func writeSamples() throws {
    let settings = configuration.samples
    for (index, prompt) in (settings.prompts.isEmpty ? [""] : settings.prompts).enumerated() {
      let options = try SamplingOptions(
        temperature: Float(settings.temperature),
        seed: configuration.seed &+ UInt64(state.step) &* 1_000_003 &+ UInt64(index))
      let sample = try self.sample(prompt, options)
      try records.add(sample: sample, prompt: prompt, step: state.step)
      progress.sampled(sample, prompt: prompt, step: state.step)
    }
  }

  private func sample(_ prompt: String, _ options: SamplingOptions) throws -> String {
    let endOfText = text.tokenizer.endOfText
    let start = (endOfText.map { [$0] } ?? []) + text.tokenizer.encode(prompt, specialTokens: .ordinary)
    guard !start.isEmpty else {
      throw InputError("samples.prompts: an empty prompt needs a tokenizer with an end-of-text token")
    }
    let request = GenerationRequest(
      prompt: start, sampling: options, maximumTokens: configuration.samples.maximumTokens,
      endTokens: Set(endOfText.map { [$0] } ?? []))
    let generator = try Generator(request, model: model)
    var tokens: [Int32] = []
    while let token = try generator.next() { tokens.append(token) }
    return String(decoding: try text.tokenizer.decode(tokens), as: UTF8.self)
  }
}
