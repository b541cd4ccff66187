/// What brings the batches of training, one after the other.
///
/// The position alone says which batch comes next: a source that is made anew at an earlier one's position
/// brings the same batches. In a world of several ranks every rank has a source of its own; together they
/// bring the batches that a single one would bring, and all have the same position. Ranks that share the
/// tokens of the same sequences have equal sources.
public protocol BatchSource: AnyObject {
  /// The number of sequences brought so far, those of all ranks together.
  var position: Int { get }

  /// The number of times that the whole text has been seen, or nil where sequences are made and never end.
  var epoch: Double? { get }

  /// This rank's part of the next batch: tokens and targets of its sequences, and the documents in them.
  ///
  /// - Throws: What keeps the source from bringing it, such as a file that has been changed.
  func next() throws -> TokenBatch
}

extension BatchSource {
  /// Nil: the sequences never end.
  public var epoch: Double? { nil }
}
