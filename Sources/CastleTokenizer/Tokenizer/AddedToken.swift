/// A token that stands for a whole string of its own, found before any other tokenization.
public struct AddedToken: Sendable {
  /// The id.
  public var id: Int32
  /// The text that it stands for.
  public var content: String
  /// Whether it is special: `<|endoftext|>` is, a frequent word is not.
  public var isSpecial: Bool
  /// Whether it is looked for after normalization, and only in what the tokens without this property leave
  /// over.
  public var isNormalized: Bool
  /// Whether it takes in the white space before it.
  public var stripsLeft = false
  /// Whether it takes in the white space after it.
  public var stripsRight = false
  /// Whether it is found only where no letter, digit or underscore is next to it.
  public var isSingleWord = false

  /// A token `content` with the given id.
  public init(id: Int32, content: String, isSpecial: Bool = true, isNormalized: Bool = false) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isNormalized = isNormalized
  }
}

extension AddedToken: Hashable {
  /// Whether all is the same; contents are compared byte by byte, not as `String` does.
  public static func == (left: AddedToken, right: AddedToken) -> Bool {
    left.id == right.id && left.content.utf8.elementsEqual(right.content.utf8) && left.flags == right.flags
  }

  /// Hashes what ``==(_:_:)`` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(id)
    hasher.combine(Array(content.utf8))
    hasher.combine(flags)
  }

  private var flags: [Bool] { [isSpecial, isNormalized, stripsLeft, stripsRight, isSingleWord] }
}
