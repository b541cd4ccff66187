/// Lets a stream of bytes through up to the first occurrence of one of several sequences.
///
/// What may be the start of such a sequence is held back until the next bytes decide. A sequence may begin
/// and end in the middle of tokens.
///
/// ```swift
/// var filter = StopSequenceFilter([Array("\n\n".utf8)])
/// let bytes = filter.append(newBytes)  // what can no longer be part of a stop sequence
/// if filter.isStopped { return }
/// ```
public struct StopSequenceFilter: Sendable {
  /// Whether a stop sequence has come. Everything after it is dropped.
  public private(set) var isStopped = false

  private let sequences: [[UInt8]]
  private var held: [UInt8] = []

  /// A filter that stops at any of `sequences`. Empty ones are left out.
  public init(_ sequences: [[UInt8]]) {
    self.sequences = sequences.filter { !$0.isEmpty }
  }

  /// Takes in bytes and gives out those that are known to come before any stop sequence. The one that is
  /// complete first stops the stream; of several with the same end, the longest.
  public mutating func append(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    guard !sequences.isEmpty else { return Array(bytes) }
    var released: [UInt8] = []
    for byte in bytes where !isStopped {
      held.append(byte)
      if let length = lengthOfCompleteSequence {
        isStopped = true
        released += held.dropLast(length)
        held.removeAll()
      } else {
        let start = held.indices.first(where: mayBegin) ?? held.count
        released += held[..<start]
        held.removeFirst(start)
      }
    }
    return released
  }

  /// The length of the longest sequence that what is held ends with.
  private var lengthOfCompleteSequence: Int? {
    sequences.filter { held.suffix($0.count).elementsEqual($0) }.map(\.count).max()
  }

  /// Whether a sequence may begin at `start` of what is held.
  private func mayBegin(at start: Int) -> Bool {
    let rest = held[start...]
    return sequences.contains { $0.count > rest.count && $0.starts(with: rest) }
  }

  /// Ends the stream: gives out what was held back, in which no stop sequence was completed.
  public mutating func finish() -> [UInt8] {
    defer { held.removeAll() }
    return held
  }
}
