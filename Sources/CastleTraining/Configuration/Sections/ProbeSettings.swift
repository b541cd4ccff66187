/// A made-up task to train on in place of text. Sizes that are nil are the usual ones of the task.
public struct ProbeSettings: ConfigurationSection {
  /// The task; nil for text.
  public var kind: ProbeKind?
  /// The number of tokens of a sequence.
  public var length: Int?
  /// The number of token ids.
  public var vocabularySize: Int?
  /// The number of sequences to train on, after which they come again; 0: there is no end to them.
  public var sequences: Int?
  /// The number of pairs of a key and a value, or of an item and a label.
  public var pairs: Int?
  /// The number of items of lookahead-recall.
  public var items: Int?
  /// The number of labels of lookahead-recall.
  public var labels: Int?
  /// The exponent of the distances of mqar.
  public var power: Double?
  /// Whether the places of mqar without a key hold random tokens in place of 0.
  public var fillsWithRandomTokens: Bool?
  /// The number of token ids that are noise.
  public var noiseVocabularySize: Int?
  /// The probability of noise.
  public var noise: Double?
  /// The most tokens of a key or value of fuzzy-recall.
  public var motifLength: Int?
  /// The number of tokens that selective-copying asks for.
  public var copies: Int?
  /// The probability of ignore in flip-flop.
  public var ignore: Double?

  /// The default settings: no probe.
  public init() {}

  /// The section `data.probe`.
  public static var settings: [Setting<Self>] {
    let size = Requirement<Int?>.ifPresent(.within(1...mostTokens))
    return [
      Setting("kind", \.kind, "in place of text a made-up task: " + ProbeKind.expectation),
      Setting("length", \.length, "tokens of a sequence; null: the usual number", size),
      Setting("vocabulary-size", \.vocabularySize, "token ids; null: the usual number", size),
      Setting(
        "sequences", \.sequences,
        "sequences to train on before they come again; 0: no end; null: the usual number",
        .ifPresent(.within(0...1_000_000_000))),
      Setting("pairs", \.pairs, "pairs of a sequence (lookahead-recall, mqar)", size),
      Setting("items", \.items, "items (lookahead-recall)", size),
      Setting("labels", \.labels, "labels (lookahead-recall)", size),
      Setting(
        "power", \.power, "exponent of the distance of questions, 1: all alike (mqar)",
        .ifPresent(.within(0...10))),
      Setting(
        "random-filling", \.fillsWithRandomTokens,
        "whether places without a key hold random tokens, not 0 (mqar)"),
      Setting(
        "noise-vocabulary-size", \.noiseVocabularySize, "token ids that are noise (noisy-recall)", size),
      Setting("noise", \.noise, "probability of noise (noisy-recall)", .ifPresent(.belowOne)),
      Setting("motif-length", \.motifLength, "most tokens of a key or value (fuzzy-recall)", size),
      Setting("copies", \.copies, "tokens to copy (selective-copying)", size),
      Setting("ignore", \.ignore, "probability of ignore (flip-flop)", .ifPresent(.within(0...1))),
    ]
  }

  /// The most tokens of a sequence, or of a vocabulary.
  static let mostTokens = 1 << 20
}

/// The made-up tasks.
public enum ProbeKind: String, Sendable, Hashable, CaseIterable, SettingValue, DefaultedSettingValue {
  /// Items are labelled after they appear (Equations, Probe).
  case lookaheadRecall = "lookahead-recall"
  /// Multi-query associative recall (Arora et al., 2024).
  case multiQueryRecall = "mqar"
  /// In-context recall (Poli et al., 2024).
  case inContextRecall = "in-context-recall"
  /// Fuzzy in-context recall (Poli et al., 2024).
  case fuzzyRecall = "fuzzy-recall"
  /// Noisy in-context recall (Poli et al., 2024).
  case noisyRecall = "noisy-recall"
  /// Selective copying (Poli et al., 2024).
  case selectiveCopying = "selective-copying"
  /// Memorization (Poli et al., 2024).
  case memorization
  /// The flip-flop language (Liu et al., 2023).
  case flipFlop = "flip-flop"

  static var blank: ProbeKind { .lookaheadRecall }
}
