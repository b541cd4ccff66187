import CastleFormats

/// A byte-level byte-pair encoding: any sequence of bytes becomes token ids and back.
///
/// ```swift
/// let tokenizer = try TokenizerFile.read(path: "tokenizer.json")
/// let ids = tokenizer.encode("To be, or not to be")
/// let text = String(decoding: try tokenizer.decode(ids), as: UTF8.self)
/// ```
///
/// Text is cut into words as GPT-2 does, and the merges are applied inside each word. The ids are those of
/// Python's `tokenizers` for the same `tokenizer.json`.
///
/// Method: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016);
/// bytes: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
public final class Tokenizer: Sendable {
  /// One more than the highest token id.
  public let vocabularySize: Int

  /// The tokens that stand for strings of their own, in order of their ids.
  public let addedTokens: [AddedToken]

  /// The id of the token that ends a document: of the added token `<|endoftext|>`, or if there is none of the
  /// first present of `<|end_of_text|>`, `</s>`, `<eos>`.
  public let endOfText: Int32?

  /// The special tokens around a text. ``encode(_:specialTokens:)`` leaves them to its caller.
  public let template: TextTemplate

  /// The bytes that the vocabulary has no token for. Encoding leaves them out, as Python's `tokenizers` does.
  public var missingBytes: [UInt8] { (0...255).filter { byteTokens[Int($0)] < 0 } }

  /// The merges, the one to apply first at the start.
  public let mergeList: [Merge]

  /// The id of each byte, -1 for a byte that the vocabulary does not have.
  let byteTokens: [Int32]
  let merges: MergeTable

  /// The bytes of all tokens, one after another; `offsets[id]..<offsets[id + 1]` are those of one.
  private let allBytes: [UInt8]
  private let offsets: [Int]
  private let isDefined: [Bool]
  private let vocabulary: [Bool]

  private let allMatchers: [AddedTokenMatcher]
  private let ordinaryMatchers: [AddedTokenMatcher]

  /// The largest vocabulary that is accepted.
  package static let mostTokens = 1 << 24

  /// A tokenizer with the given tokens.
  ///
  /// - Parameters:
  ///   - vocabulary: The bytes of each token; the place is the id. `nil` where an id is not used.
  ///   - merges: The merges, the one to apply first at the start.
  ///   - addedTokens: Tokens for whole strings. Their ids may lie in the vocabulary or above.
  ///   - template: The special tokens around a text.
  /// - Throws: ``InputError`` if an id is out of range or given to two tokens, an added token is empty or there twice,
  ///   a merge does not join its two tokens, or the template has an id that is not a token.
  public init(
    vocabulary: [[UInt8]?], merges: [Merge], addedTokens: [AddedToken],
    template: TextTemplate = TextTemplate()
  ) throws {
    let size = max(vocabulary.count, (addedTokens.map { Int($0.id) + 1 }.max() ?? 0))
    guard size <= Self.mostTokens, !addedTokens.contains(where: { $0.id < 0 }) else {
      throw InputError(
        "the tokenizer has a token id outside 0..<\(Self.mostTokens)")
    }
    var tokens = vocabulary + Array(repeating: nil, count: size - vocabulary.count)
    try Self.check(addedTokens, vocabulary: vocabulary)
    for token in addedTokens { tokens[Int(token.id)] = Array(token.content.utf8) }
    try Self.check(merges, vocabulary: vocabulary)
    for id in template.before + template.after {
      guard tokens.indices.contains(Int(id)), tokens[Int(id)] != nil else {
        throw InputError("the template of texts has the id \(id), which is not a token")
      }
    }

    vocabularySize = size
    self.addedTokens = addedTokens.sorted { $0.id < $1.id }
    self.template = template
    mergeList = merges
    self.merges = MergeTable(merges)
    var byteTokens = [Int32](repeating: -1, count: 256)
    for (id, bytes) in vocabulary.enumerated() {
      if let bytes, bytes.count == 1 { byteTokens[Int(bytes[0])] = Int32(id) }
    }
    self.byteTokens = byteTokens

    var allBytes: [UInt8] = []
    var offsets = [0]
    offsets.reserveCapacity(size + 1)
    for bytes in tokens {
      if let bytes { allBytes.append(contentsOf: bytes) }
      offsets.append(allBytes.count)
    }
    self.allBytes = allBytes
    self.offsets = offsets
    isDefined = tokens.map { $0 != nil }
    let addedIDs = Set(addedTokens.map(\.id))
    self.vocabulary = vocabulary.indices.map { vocabulary[$0] != nil || addedIDs.contains(Int32($0)) }

    let ends = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"]
    endOfText = ends.lazy.compactMap { end in addedTokens.first { $0.content == end }?.id }.first
    allMatchers = Self.matchers(addedTokens)
    ordinaryMatchers = Self.matchers(addedTokens.filter { !$0.isSpecial })
  }

  /// Checks that every id and every content has one token. A token of the vocabulary may be added too.
  private static func check(_ addedTokens: [AddedToken], vocabulary: [[UInt8]?]) throws {
    var ids: Set<Int32> = []
    var contents: Set<[UInt8]> = []
    for token in addedTokens {
      let content = Array(token.content.utf8)
      guard !content.isEmpty else { throw InputError("the added token of id \(token.id) is empty") }
      guard contents.insert(content).inserted else {
        throw InputError("the tokenizer has the added token \"\(token.content)\" twice")
      }
      let other = vocabulary.indices.contains(Int(token.id)) ? vocabulary[Int(token.id)] : nil
      guard ids.insert(token.id).inserted, other == nil || other == content else {
        throw InputError("the tokenizer gives id \(token.id) to two tokens, one of them \"\(token.content)\"")
      }
    }
  }

  private static func check(_ merges: [Merge], vocabulary: [[UInt8]?]) throws {
    for (rank, merge) in merges.enumerated() {
      let ids = [merge.left, merge.right, merge.merged]
      guard ids.allSatisfy({ vocabulary.indices.contains(Int($0)) && vocabulary[Int($0)] != nil }) else {
        throw InputError("merge \(rank) of the tokenizer names a token that the vocabulary does not have")
      }
      guard vocabulary[Int(merge.left)]! + vocabulary[Int(merge.right)]! == vocabulary[Int(merge.merged)]!
      else {
        throw InputError("merge \(rank) of the tokenizer does not give the two tokens joined")
      }
    }
  }

  private static func matchers(_ tokens: [AddedToken]) -> [AddedTokenMatcher] {
    [tokens.filter { !$0.isNormalized }, tokens.filter(\.isNormalized)]
      .filter { !$0.isEmpty }.map(AddedTokenMatcher.init)
  }

  /// The matchers to apply one after another.
  func matchers(_ reading: SpecialTokenReading) -> [AddedTokenMatcher] {
    reading == .recognized ? allMatchers : ordinaryMatchers
  }

  /// Whether `id` is a token.
  public func contains(_ id: Int32) -> Bool {
    id >= 0 && id < vocabularySize && isDefined[Int(id)]
  }

  /// Whether `id` is in the vocabulary of the merges, as every token is that was not added on top.
  func isInVocabulary(_ id: Int32) -> Bool {
    vocabulary.indices.contains(Int(id)) && vocabulary[Int(id)]
  }

  /// The bytes of one token; none if `id` is not a token.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard contains(id) else { return [] }
    return allBytes[offsets[Int(id)]..<offsets[Int(id) + 1]]
  }
}
