import CastleAttention
import CastleFormats
import CastleOperations
import CastleTensors

extension LanguageModel {
  /// The logits after each of `tokens`, without a cache: L rows of V numbers, row by row.
  ///
  /// - Throws: ``InputError`` if there are no tokens, an id is outside the vocabulary, or there are more
  ///   tokens than the model allows.
  public func logits(_ tokens: [Int32]) throws -> [Float] {
    guard !tokens.isEmpty else { throw InputError("no token ids are given, at least one is needed") }
    try check(length: tokens.count)
    try check(tokens: tokens)
    let pass = ForwardPass(self, capacity: tokens.count, longest: tokens.count, retention: .none)
    try pass.run(tokens, documents: Documents(length: tokens.count))
    let head = OutputHead(self, tokenCount: tokens.count)
    let width = configuration.vocabularySize
    return [Float](unsafeUninitializedCapacity: tokens.count * width) { buffer, initialized in
      head.forEachChunk(of: pass.normed) { logits, rows in
        let target = buffer[(rows.lowerBound * width)..<(rows.upperBound * width)]
        backend.download(logits, to: UnsafeMutableBufferPointer(rebasing: target))
      }
      initialized = tokens.count * width
    }
  }
}
