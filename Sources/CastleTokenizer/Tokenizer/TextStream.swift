/// Text that arrives token by token, given out as soon as its characters are complete.
///
/// ```swift
/// var stream = TextStream()
/// print(stream.append(tokenizer.bytes(of: id)), terminator: "")
/// print(stream.finish())
/// ```
public struct TextStream: Sendable {
  /// The start of a character whose end has not come yet: at most three bytes.
  private var pending: [UInt8] = []

  /// An empty stream.
  public init() {}

  /// Takes in bytes and returns the text that they complete.
  ///
  /// Bytes that can never become UTF-8 give U+FFFD, one for each maximal subpart.
  public mutating func append(_ bytes: some Sequence<UInt8>) -> String {
    pending.append(contentsOf: bytes)
    let complete = pending.withUnsafeBufferPointer(Self.completeCount)
    let text = String(decoding: pending[..<complete], as: UTF8.self)
    pending.removeFirst(complete)
    return text
  }

  /// Ends the stream: U+FFFD if a character was left incomplete, else nothing.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return pending.isEmpty ? "" : "\u{FFFD}"
  }

  /// How many bytes, from the start, no further byte can change the reading of.
  private static func completeCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    for start in max(0, bytes.count - 3)..<bytes.count {
      if case .incomplete = UTF8Decoding.step(base, from: start, to: bytes.count) { return start }
    }
    return bytes.count
  }
}
