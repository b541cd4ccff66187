import CastleAttention
import CastleFormats
public import CastleModel
public import CastleTokenizer

/// What the attention of a model computes while it reads a text: for every pair of tokens the weight, the
/// causal score and the lookahead term, and how the lookahead keys move as the text goes on.
///
/// ```swift
/// let trace = try AttentionTrace(
///   of: "To be, or not to be", model: model, tokenizer: tokenizer, name: "plays", heads: .init(layer: 0))
/// let weight = trace.heads[0].attention(of: 5, to: 2)
/// let curve = trace.heads[0].trajectory(key: 2, query: 5)
/// try AtomicFile.write(InspectionPage.html(for: trace).utf8, path: "plays.html")
/// ```
///
/// The model's own layers make the projections; everything else follows from them by the definition of the
/// mechanism, in double precision.
public struct AttentionTrace: Sendable {
  /// A token of the text.
  public struct Token: Sendable, Hashable {
    /// Its id.
    public var id: Int32
    /// What it stands for. Bytes that are not UTF-8 by themselves are written as `\xE2`.
    public var text: String
  }

  /// Which heads are traced.
  public struct Heads: Sendable, Hashable {
    /// The only layer, from 0; nil for all.
    public var layer: Int?
    /// The only query head of each of these layers, from 0; nil for all.
    public var head: Int?

    /// The heads of one layer or all, and in them one head or all.
    public init(layer: Int? = nil, head: Int? = nil) {
      self.layer = layer
      self.head = head
    }

    /// All heads of all layers.
    public static let all = Heads()
  }

  /// How large a trace may be.
  public struct Limits: Sendable, Hashable {
    /// The most tokens of a text. The work for a head grows with the third power of their number.
    public var tokens: Int
    /// The largest size of ``AttentionTrace/json``, in bytes.
    public var bytes: Int

    /// Limits; by default 512 tokens and 256 MB.
    public init(tokens: Int = 512, bytes: Int = 256 << 20) {
      self.tokens = tokens
      self.bytes = bytes
    }
  }

  /// What the model is called.
  public let name: String
  /// The shape of the model.
  public let configuration: ModelConfiguration
  /// The tokens of the text, those that its tokenizer adds among them.
  public let tokens: [Token]
  /// The heads that were traced, layer by layer.
  public let heads: [Head]

  /// Traces `text`.
  ///
  /// - Parameters:
  ///   - name: What the model is called, for those who look.
  ///   - addsSpecialTokens: Whether the text gets the special tokens of the tokenizer's
  ///     ``Tokenizer/template``.
  ///   - heads: The heads that are wanted.
  /// - Throws: `InputError` if the text has no tokens, or more than `limits` or the model allow, if a layer
  ///   or head does not exist, if the trace would be larger than `limits` or the free memory, or if the model
  ///   gives no numbers.
  public init(
    of text: String, model: LanguageModel, tokenizer: Tokenizer, name: String,
    addsSpecialTokens: Bool = true, heads: Heads = .all, limits: Limits = Limits()
  ) throws {
    let ids = try Self.tokens(of: Array(text.utf8), tokenizer, addsSpecialTokens: addsSpecialTokens)
    try self.init(of: ids, model: model, tokenizer: tokenizer, name: name, heads: heads, limits: limits)
  }

  /// Traces token ids, which are taken as they are.
  ///
  /// Parameters and errors are those of ``init(of:model:tokenizer:name:addsSpecialTokens:heads:limits:)``.
  public init(
    of ids: [Int32], model: LanguageModel, tokenizer: Tokenizer, name: String, heads: Heads = .all,
    limits: Limits = Limits()
  ) throws {
    let plan = try Plan(model.configuration, tokens: ids, heads: heads, limits: limits)
    try plan.checkMemory()
    self.name = name
    configuration = model.configuration
    tokens = ids.map { Token(id: $0, text: Self.text(of: tokenizer.bytes(of: $0))) }
    var traced: [Head] = []
    try model.captureAttention(ids, layers: plan.layers) { capture in
      for head in plan.heads { traced.append(try Head(head, of: &capture, model.configuration)) }
    }
    self.heads = traced
  }

  /// The tokens of a text.
  package static func tokens(
    of text: [UInt8], _ tokenizer: Tokenizer, addsSpecialTokens: Bool
  ) throws -> [Int32] {
    let tokens = tokenizer.encode(text)
    guard !tokens.isEmpty else { throw InputError("the text is empty; it needs at least one character") }
    return addsSpecialTokens ? tokenizer.template.apply(to: tokens) : tokens
  }

  private static func text(of bytes: ArraySlice<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return bytes.map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return byte < 0x80 ? String(UnicodeScalar(byte)) : "\\x\(digits)"
    }.joined()
  }
}
