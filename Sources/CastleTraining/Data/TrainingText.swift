public import CastleCorpus
import CastleFormats
public import CastleTokenizer

/// What a run is trained on: one prepared text, or several in a mixture. All have the same tokenizer.
public struct TrainingText: Sendable {
  /// A text of the run.
  public struct Part: Sendable {
    /// The name under which the text is evaluated.
    public let name: String
    /// The prepared text.
    public let corpus: PreparedCorpus
    /// How much of the run it has, relative to the other weights.
    public let weight: Double
  }

  /// The texts, by name.
  public let parts: [Part]
  /// What distinguishes this data from other data: a hash of the texts, and of their names and weights where
  /// there are several.
  public let fingerprint: String

  let mixture: MixtureOrder?

  /// Opens what `settings` name.
  ///
  /// - Throws: ``InputError`` if a text cannot be used, the tokenizers differ, or a weight is too small
  ///   beside the others.
  public init(_ settings: DataSettings) throws {
    guard !settings.mixture.isEmpty else {
      let corpus = try settings.open()
      parts = [Part(name: EvaluationSettings.ownSet, corpus: corpus, weight: 1)]
      fingerprint = corpus.fingerprint
      mixture = nil
      return
    }
    parts = try settings.mixture.sorted { $0.key < $1.key }.map { name, text in
      Part(name: name, corpus: try settings.open(text.shards), weight: text.weight)
    }
    for part in parts.dropFirst() { try part.corpus.checkTokenizer(isThatOf: parts[0].corpus) }
    guard let mixture = MixtureOrder(weights: parts.map(\.weight)) else {
      throw InputError(
        subject: "data.mixture",
        problem: "has a text whose weight is less than one in \(MixtureOrder.blockSize) of all weights",
        remedy: "raise it or leave the text out")
    }
    self.mixture = mixture
    let digest = Digest()
    for part in parts {
      Array("\(part.name)\n\(part.weight)\n\(part.corpus.fingerprint)\n".utf8)
        .withUnsafeBytes { digest.update($0) }
    }
    fingerprint = digest.sha256()
  }

  /// The tokenizer of all texts.
  public var tokenizer: Tokenizer { parts[0].corpus.tokenizer }

  /// The tokenizer's file.
  public var tokenizerPath: String { parts[0].corpus.tokenizerPath }

  /// The number of tokens to train on, of all texts together.
  public var tokenCount: Int { parts.reduce(0) { $0 + $1.corpus.training.tokenCount } }

  /// The folders, for messages.
  var folders: String { parts.map(\.corpus.folder).joined(separator: ", ") }

  /// The sequences of `length` tokens of each text.
  ///
  /// - Throws: ``InputError`` if a text has no whole sequence.
  func sequences(length: Int) throws -> [TokenSequences] {
    try parts.map { try TokenSequences(shards: $0.corpus.training.shards, length: length) }
  }
}
