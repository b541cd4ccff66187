/// A document whose text an earlier one has.
struct DuplicateDocument: Sendable {
  /// Its place among all documents of the corpus, empty ones counted.
  var ordinal: Int
  /// The number of its text among all different ones.
  var content: Int
}
