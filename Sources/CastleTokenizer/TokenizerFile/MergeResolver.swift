import CastleFormats

/// Finds the ids of the tokens that merges name.
struct MergeResolver {
  let names: TokenNames
  let isByteLevel: Bool

  /// The merges, given by the names of their tokens.
  ///
  /// - Throws: ``InputError`` without the file's name.
  func resolve(_ pairs: [(left: [UInt8], right: [UInt8])]) throws -> [Merge] {
    try pairs.map { pair in
      Merge(left: try id(pair.left), right: try id(pair.right), merged: try id(pair.left + pair.right))
    }
  }

  private func id(_ name: [UInt8]) throws -> Int32 {
    func text() -> String { String(decoding: name, as: UTF8.self) }
    guard let id = names.id(name) else {
      throw InputError("a merge needs the token \"\(text())\", which is not in the vocabulary")
    }
    guard !isByteLevel || name.withUnsafeBufferPointer(ByteAlphabet.decode) != nil else {
      throw InputError("a merge of \"\(text())\", which is not in the byte-level alphabet")
    }
    return id
  }
}
