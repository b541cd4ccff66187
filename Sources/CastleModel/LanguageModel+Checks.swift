import CastleFormats

extension ModelConfiguration {
  /// Throws unless every id is one of the vocabulary.
  package func check(tokens: [Int32]) throws {
    let limit = UInt32(vocabularySize)
    guard let index = tokens.firstIndex(where: { UInt32(bitPattern: $0) >= limit }) else { return }
    throw InputError(
      "token id \(tokens[index]) at position \(index) is not in the vocabulary, 0 to \(limit - 1)")
  }

  /// Throws unless a sequence of `length` tokens has positions in this model.
  package func check(length: Int) throws {
    guard length <= maximumLength else {
      throw InputError(
        "a sequence of \(length) tokens is longer than the model's max_position_embeddings, \(maximumLength)")
    }
  }
}

extension LanguageModel {
  /// Throws unless every id is one of the vocabulary.
  func check(tokens: [Int32]) throws { try configuration.check(tokens: tokens) }

  /// Throws unless every target is −1 or one of the vocabulary.
  func check(targets: [Int32]) throws {
    let limit = configuration.vocabularySize
    guard let index = targets.firstIndex(where: { $0 < -1 || Int($0) >= limit }) else { return }
    throw InputError(
      "target id \(targets[index]) at position \(index) is not in the vocabulary, 0 to \(limit - 1)")
  }

  /// Throws unless a sequence of `length` tokens has positions in this model.
  func check(length: Int) throws { try configuration.check(length: length) }
}
