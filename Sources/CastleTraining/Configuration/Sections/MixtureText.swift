/// A text of a mixture.
public struct MixtureText: ConfigurationSection {
  /// The folder of the shards and of their tokenizer.
  public var shards = ""
  /// How much of the run the text has, relative to the other weights.
  public var weight = 1.0

  /// The default settings.
  public init() {}

  /// The section `data.mixture.NAME`.
  public static var settings: [Setting<Self>] {
    [
      Setting(path: "shards", \.shards, "folder made by castle prepare"),
      Setting("weight", \.weight, "share of the sequences, relative to the other weights", .positive),
    ]
  }
}
