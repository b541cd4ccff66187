import CastleTokenizer

/// What a run is trained on: prepared text, or the sequences of a probe.
public enum TrainingData: Sendable {
  /// Text made by `castle prepare`.
  case text(TrainingText)
  /// A made-up task.
  case probe(ProbeSource)

  /// Opens what `configuration` names.
  ///
  /// - Throws: `InputError` if a text cannot be used, or the sizes of a probe do not fit each other.
  public init(_ configuration: TrainingConfiguration) throws {
    if configuration.data.probe.kind != nil {
      self = .probe(try ProbeSource(configuration.data.probe, seed: configuration.seed))
    } else {
      self = .text(try TrainingText(configuration.data))
    }
  }

  /// The text; nil for a probe.
  public var text: TrainingText? { if case .text(let text) = self { text } else { nil } }

  /// The sequences of a probe; nil for text.
  public var probe: ProbeSource? { if case .probe(let source) = self { source } else { nil } }

  /// What tells this data from other data.
  public var fingerprint: String {
    switch self {
    case .text(let text): text.fingerprint
    case .probe(let source): source.fingerprint
    }
  }

  /// The number of token ids.
  var vocabularySize: Int {
    switch self {
    case .text(let text): text.tokenizer.vocabularySize
    case .probe(let source): source.vocabularySize
    }
  }

  /// The number of tokens to train on; 0 where there is no end to them.
  var tokenCount: Int {
    switch self {
    case .text(let text): text.tokenCount
    case .probe(let source): source.sequenceCount * source.length
    }
  }

  /// What to call it in messages.
  var places: String { text?.folders ?? "data.probe" }
}
