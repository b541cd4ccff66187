/// A text of an error, in which some terms are spelled by whoever shows it: a command line names its options,
/// a library its arguments.
///
/// It is written as a string literal: `"use \(.resume) with a lower \(.key("optimizer.learning-rate"))"`.
public struct ErrorText: Sendable, Hashable, CustomStringConvertible {
  /// What every interface has a spelling of its own for.
  public enum Term: Sendable, Hashable, CustomStringConvertible {
    /// A key of a configuration.
    case key(String)
    /// A setting and a value to give it.
    case setting(String, String)
    /// A setting as the user gave it, which may be no `key=value`.
    case givenSetting(String)
    /// To go on with an interrupted run.
    case resume
    /// To replace what is there.
    case replace
    /// To use a certain tokenizer.
    case tokenizer(String)
    /// To read every file as text or as JSON lines.
    case format(String)
    /// Which key of a JSON line holds the text.
    case textKey
    /// A line that ends documents.
    case separator(String)
    /// To leave out documents whose text an earlier one has.
    case deduplicate
    /// The number of sequences that are computed at a time.
    case batchSize
    /// The number of tokens of a sequence.
    case sequenceLength
    /// The folder that the results go to.
    case outputFolder
    /// The folder of a text that something calls by a name.
    case textFolder(String)

    /// The term in plain words.
    public var description: String {
      switch self {
      case .key(let key): key
      case .setting(let key, let value): "\(key)=\(value)"
      case .givenSetting(let text): text
      case .resume: "the resume option"
      case .replace: "replacing it"
      case .tokenizer(let path): "the tokenizer \(path)"
      case .format(let name): "the format \(name)"
      case .textKey: "the text key"
      case .separator(let line): "the separator \(line)"
      case .deduplicate: "removing duplicates"
      case .batchSize: "the batch size"
      case .sequenceLength: "the sequence length"
      case .outputFolder: "output folder"
      case .textFolder(let name): "a folder for \(name)"
      }
    }
  }

  fileprivate enum Part: Sendable, Hashable {
    case words(String)
    case term(Term)
  }

  private var parts: [Part]

  /// A text without terms.
  public init(_ words: String) {
    parts = [.words(words)]
  }

  /// A term alone.
  public init(_ term: Term) {
    parts = [.term(term)]
  }

  /// The text, its terms in plain words.
  public var description: String { text { $0.description } }

  /// The text, its terms as `spelling` says.
  public func text(spelling: (Term) -> String) -> String {
    parts.map { part in
      switch part {
      case .words(let words): words
      case .term(let term): spelling(term)
      }
    }.joined()
  }

  /// The text with other terms in place of its own.
  public func replacingTerms(_ replacement: (Term) -> Term) -> ErrorText {
    var result = self
    result.parts = parts.map { part in
      if case .term(let term) = part { .term(replacement(term)) } else { part }
    }
    return result
  }

  /// Two texts, one after the other.
  public static func + (a: ErrorText, b: ErrorText) -> ErrorText {
    var sum = a
    sum.parts += b.parts
    return sum
  }
}

extension ErrorText: ExpressibleByStringInterpolation {
  /// A literal with terms in it.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var parts: [Part] = []

    /// An empty text.
    public init(literalCapacity: Int, interpolationCount: Int) {}

    /// Adds words of the literal.
    public mutating func appendLiteral(_ literal: String) {
      if !literal.isEmpty { parts.append(.words(literal)) }
    }

    /// Adds a term.
    public mutating func appendInterpolation(_ term: Term) {
      parts.append(.term(term))
    }

    /// Adds a text with its terms.
    public mutating func appendInterpolation(_ text: ErrorText) {
      parts += text.parts
    }

    /// Adds any value as words.
    public mutating func appendInterpolation<Value>(_ value: Value) {
      parts.append(.words(String(describing: value)))
    }
  }

  /// A literal with terms in it.
  public init(stringInterpolation: StringInterpolation) {
    parts = stringInterpolation.parts
  }

  /// A literal.
  public init(stringLiteral value: String) {
    self.init(value)
  }
}
