/// The patterns of published tokenizers that have a scanner of their own.
enum PublishedPattern {
  private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
  private static let spaces = #"\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// GPT-2's.
  static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// That of GPT-4 and Llama 3.
  static let cl100k = cl100k(digits: #"\p{N}{1,3}"#)

  /// That of Qwen 2.
  static let qwen = cl100k(digits: #"\p{N}"#)

  /// That of GPT-4o.
  static let o200k = o200k(contractions: contractions + "?", digits: #"\p{N}{1,3}"#)

  /// That of Mistral's Tekken.
  static let tekken = o200k(contractions: "", digits: #"\p{N}"#)

  private static func cl100k(digits: String) -> String {
    contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + spaces
  }

  private static func o200k(contractions: String, digits: String) -> String {
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    let before = #"[^\r\n\p{L}\p{N}]?"#
    return before + upper + "*" + lower + "+" + contractions + "|" + before + upper + "+" + lower + "*"
      + contractions + "|" + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + spaces
  }

  /// The scanner of a pattern, if it has one.
  static func stage(for pattern: String) -> PreTokenizer.Stage? {
    switch pattern {
    case gpt2: .gpt2(GPT2Scanner())
    case cl100k, cl100k.replacing(#"[\r\n]+|"#, with: #"[\r\n]|"#): .cl100k(CL100KScanner(mostDigits: 3))
    case qwen: .cl100k(CL100KScanner(mostDigits: 1))
    case o200k: .o200k(O200KScanner(mostDigits: 3, joinsContractions: true))
    case tekken: .o200k(O200KScanner(mostDigits: 1, joinsContractions: false))
    default: nil
    }
  }
}
