/// Lets a stream through up to the first occurrence of one of several sequences.
///
/// What may be the start of such a sequence is held back until the next elements decide. It works on token ids
/// and on bytes alike.
///
/// ```swift
/// var filter = StopSequenceFilter([Array("\n\n".utf8)])
/// let bytes = filter.append(newBytes)  // what can no longer be part of a stop sequence
/// if filter.isStopped { return }
/// ```
public struct StopSequenceFilter<Element: Equatable & Sendable>: Sendable {
  /// Whether a stop sequence has come. Everything after it is dropped.
  public private(set) var isStopped = false

  private let sequences: [[Element]]
  private var held: [Element] = []

  /// A filter that stops at any of `sequences`. Empty ones are left out.
  public init(_ sequences: [[Element]]) {
    self.sequences = sequences.filter { !$0.isEmpty }
  }

  /// Takes in elements and gives out those that are known to come before any stop sequence.
  public mutating func append(_ elements: some Sequence<Element>) -> [Element] {
    guard !isStopped else { return [] }
    guard !sequences.isEmpty else { return Array(elements) }
    held.append(contentsOf: elements)
    var start = 0
    while start < held.count {
      let rest = held[start...]
      if sequences.contains(where: { rest.starts(with: $0) }) {
        isStopped = true
        break
      }
      if sequences.contains(where: { rest.count < $0.count && $0.starts(with: rest) }) { break }
      start += 1
    }
    let released = Array(held[..<start])
    held.removeFirst(isStopped ? held.count : start)
    return released
  }

  /// Ends the stream: gives out what was held back, since no stop sequence was completed.
  public mutating func finish() -> [Element] {
    defer { held.removeAll() }
    return held
  }
}
