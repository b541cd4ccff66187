import CastleFormats
import CastleGeneration
import CastleModel
import CastleTokenizer

/// What a sample begins with.
struct SamplePrompt: Sendable {
  /// The text, which may be empty.
  let text: String
  /// The tokens that the model reads first; at least one.
  let tokens: [Int32]

  /// The prompts of a run, or the beginning of a document if it has none of its own; nothing if the run draws
  /// no samples.
  ///
  /// - Throws: ``InputError`` if `model` cannot go on from one of them.
  static func all(
    _ settings: SampleSettings, _ tokenizer: Tokenizer, model: ModelConfiguration
  ) throws -> [SamplePrompt] {
    guard settings.every > 0 else { return [] }
    let texts = settings.prompts.isEmpty ? [""] : settings.prompts
    return try texts.enumerated().map { index, text in
      var request = TextRequest(text, maximumTokens: settings.maximumTokens)
      request.specialTokens = .ordinary
      let tokens: [Int32]
      do {
        tokens = try request.promptTokens(model, tokenizer)
        try model.check(tokens: tokens)
      } catch let error as InputError {
        throw error.within("samples.prompts: prompt \(index + 1)")
      }
      guard tokens.count <= model.maximumLength else {
        throw InputError(
          subject: "samples.prompts",
          problem:
            ": prompt \(index + 1) has \(tokens.count) tokens, "
            + "but the model reads at most \(model.maximumLength)",
          remedy: "shorten it")
      }
      return SamplePrompt(text: text, tokens: tokens)
    }
  }
}
