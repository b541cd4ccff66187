import CastleFormats
public import CastleModel
public import CastleTokenizer

/// What the interactive page asks a server for: the body of `POST /look/trace`.
///
/// ```json
/// {"model": "plays", "text": "To be, or not to be", "layer": 0, "head": 2}
/// ```
///
/// A server answers with ``AttentionTrace/json``:
///
/// ```swift
/// let request = try AttentionTraceRequest(json: body)
/// let trace = try request.trace(model: model, tokenizer: tokenizer, name: "plays")
/// return trace.json
/// ```
public struct AttentionTraceRequest: Sendable, Hashable {
  /// What the model is called; nil if the request leaves it to the server.
  public var model: String?
  /// The text to read.
  public var text: String
  /// The heads that are wanted: all of them where the request names no layer or head.
  public var heads: AttentionTrace.Heads

  /// A request for `heads` of `model` on `text`.
  public init(model: String?, text: String, heads: AttentionTrace.Heads = .all) {
    self.model = model
    self.text = text
    self.heads = heads
  }

  /// Reads a request. Members that it does not know are ignored.
  ///
  /// - Throws: `InputError` if it is not a JSON object, the text is missing, or a member has another type.
  public init(json: some Sequence<UInt8>) throws {
    let members = try Array(json).withUnsafeBytes { try JSONValue.object($0, source: "the request") }
    func wrong(_ name: String, _ expected: String) -> InputError {
      let value = String((members[name] ?? .null).text.prefix(80))
      return InputError("\(name) is \(value); it must be \(expected)")
    }
    func number(_ name: String) throws -> Int? {
      switch members[name] ?? .null {
      case .null: return nil
      case .integer(let value) where value >= 0: return value
      default: throw wrong(name, "a whole number from 0 on")
      }
    }
    switch members["model"] ?? .null {
    case .null: model = nil
    case .string(let name): model = name
    default: throw wrong("model", "the name of a model")
    }
    guard let value = members["text"] else { throw InputError("text is missing; give the text to read") }
    guard case .string(let text) = value else { throw wrong("text", "a string") }
    self.text = text
    heads = AttentionTrace.Heads(layer: try number("layer"), head: try number("head"))
  }

  /// Traces what the request asks for.
  ///
  /// Errors are those of ``AttentionTrace/init(of:model:tokenizer:name:addsSpecialTokens:heads:limits:)``.
  public func trace(
    model: LanguageModel, tokenizer: Tokenizer, name: String,
    limits: AttentionTrace.Limits = AttentionTrace.Limits(bytes: 32 << 20)
  ) throws -> AttentionTrace {
    try AttentionTrace(
      of: text, model: model, tokenizer: tokenizer, name: name, heads: heads, limits: limits)
  }
}
