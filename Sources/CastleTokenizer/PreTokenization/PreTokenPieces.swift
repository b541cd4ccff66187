import CastleFormats

/// The pieces that a pre-tokenizer cuts texts into, for a look at it without a vocabulary.
package struct PreTokenPieces {
  private let cutter: PreTokenCutter

  /// The pre-tokenizer that the JSON of a part `pre_tokenizer` describes.
  ///
  /// - Throws: ``InputError`` if it is malformed or not implemented.
  package init(json: [UInt8]) throws {
    let value = try json.withUnsafeBytes { try JSONValue.object($0, source: "the pre-tokenizer") }
    cutter = PreTokenCutter(try PreTokenizer(json: .object(value)))
  }

  /// The pieces of a text, in order.
  package func pieces(of text: [UInt8]) -> [[UInt8]] {
    struct Collector: PreTokenVisitor {
      var pieces: [[UInt8]] = []
      mutating func visit(_ text: UnsafePointer<UInt8>, count: Int, readable: Int) {
        pieces.append(Array(UnsafeBufferPointer(start: text, count: count)))
      }
    }
    var collector = Collector()
    text.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return }
      cutter.cut(base, 0..<text.count, isStart: true, into: &collector)
    }
    return collector.pieces
  }

  /// The regular expression of a kind; nil if it is more than one.
  package static func pattern(of kind: PreTokenizerKind) -> String? {
    switch kind {
    case .gpt2: PublishedPattern.gpt2
    case .cl100k: PublishedPattern.cl100k
    case .o200k: PublishedPattern.o200k
    case .qwen: PublishedPattern.qwen
    case .tekken: PublishedPattern.tekken
    case .digits: nil
    }
  }
}
