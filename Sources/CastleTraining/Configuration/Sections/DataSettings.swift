public import CastleCorpus

/// The text to train on, made by `castle prepare` or of the tokens of llm.c or nanoGPT: one folder, or
/// several in a mixture.
public struct DataSettings: ConfigurationSection {
  /// The folder of the shards and of their tokenizer; empty if there is a mixture.
  public var shards = ""
  /// The tokenizer of a folder without a manifest; nil for the one in the folder.
  public var tokenizer: String?
  /// How wide the tokens of files without a header are; nil for 16 bits.
  public var width: TokenWidth?
  /// Several texts by name.
  public var mixture: [String: MixtureText] = [:]
  /// A made-up task in place of text.
  public var probe = ProbeSettings()
  /// Whether attention stops at the end of a document.
  public var separatesDocuments = true

  /// The default settings.
  public init() {}

  /// The section `data`.
  public static var settings: [Setting<Self>] {
    [
      Setting(
        path: "shards", \.shards, "folder made by castle prepare, or of llm.c's or nanoGPT's .bin files"),
      Setting(
        path: "tokenizer", \.tokenizer,
        "tokenizer.json of a folder that castle prepare has not made; null: the one in the folder"),
      Setting(
        "dtype", \.width, "type of the tokens in .bin files without a header; null: uint16, as nanoGPT writes"
      ),
      Setting(
        sections: "mixture", \.mixture,
        "in place of shards several texts, name: {shards: folder made by castle prepare, weight: number}"),
      Setting(section: "probe", \.probe),
      Setting(
        "separates-documents", \.separatesDocuments,
        "attention sees nothing of the document before in the same sequence"),
    ]
  }
}
