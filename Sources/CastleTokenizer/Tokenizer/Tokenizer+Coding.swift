import CastleFormats

extension Tokenizer {
  /// The tokens of a text given as bytes.
  ///
  /// To encode many texts, ``TokenEncoder`` is faster.
  public func encode(
    _ text: some Sequence<UInt8>, specialTokens: SpecialTokenReading = .recognized,
    invalidBytes: InvalidBytes = .replaced
  ) -> [Int32] {
    let encoder = TokenEncoder(self)
    var tokens: [Int32] = []
    func encode(_ bytes: UnsafeBufferPointer<UInt8>) {
      encoder.encode(bytes, specialTokens: specialTokens, invalidBytes: invalidBytes, into: &tokens)
    }
    if text.withContiguousStorageIfAvailable(encode) == nil {
      Array(text).withUnsafeBufferPointer(encode)
    }
    return tokens
  }

  /// The tokens of a string.
  public func encode(_ text: String, specialTokens: SpecialTokenReading = .recognized) -> [Int32] {
    encode(text.utf8, specialTokens: specialTokens)
  }

  /// The bytes that tokens stand for. Half a character is given as it is; ``TextStream`` makes text of it.
  ///
  /// - Parameter skippingSpecialTokens: Whether special tokens give nothing instead of their names.
  /// - Throws: ``InputError`` if an id is not a token.
  public func decode(
    _ tokens: some Sequence<Int32>, skippingSpecialTokens: Bool = false
  ) throws -> [UInt8] {
    let skipped = skippingSpecialTokens ? Set(addedTokens.filter(\.isSpecial).map(\.id)) : []
    var result: [UInt8] = []
    var names: [[UInt8]] = []
    let joins = pipeline.decoder.joinsTokens
    for (place, token) in tokens.enumerated() where !skipped.contains(token) {
      guard contains(token) else {
        throw InputError(
          "token id \(token) at place \(place) is not in the vocabulary of \(vocabularySize) tokens")
      }
      if joins {
        result.append(contentsOf: bytes(of: token))
      } else {
        names.append(isAdded(token) || !isInVocabulary(token) ? Array(bytes(of: token)) : name(of: token))
      }
    }
    return joins ? result : pipeline.decoder.decode(names)
  }
}
