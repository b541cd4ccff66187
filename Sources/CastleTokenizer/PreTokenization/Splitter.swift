/// What a text is searched for.
enum SearchPattern: Sendable {
  /// A regular expression.
  case expression(PatternProgram)
  /// These bytes, of which there is at least one.
  case literal([UInt8])
  /// Each character of a set, by itself.
  case scalars(ScalarTable)
}

/// Finds a ``SearchPattern``. Holds scratch memory; not for use by several threads at once.
struct PatternSearch {
  private let pattern: SearchPattern
  private let matcher: PatternMatcher?

  init(_ pattern: SearchPattern) {
    self.pattern = pattern
    if case .expression(let program) = pattern { matcher = PatternMatcher(program) } else { matcher = nil }
  }

  /// Calls `body` with every match in `range` and what is between, in order; a match may be empty.
  @inline(__always)
  func forEach(
    in text: UnsafePointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>, _ isMatch: Bool) -> Void
  ) {
    var previous = range.lowerBound
    func match(_ found: Range<Int>) {
      if previous < found.lowerBound { body(previous..<found.lowerBound, false) }
      body(found, true)
      previous = found.upperBound
    }
    switch pattern {
    case .expression:
      guard let matcher else { break }
      var position = range.lowerBound
      var lastEnd: Int?
      while position <= range.upperBound, let found = matcher.first(in: text, range, from: position) {
        if found.isEmpty, found.lowerBound == lastEnd {
          // No empty match directly after another one.
          guard position < range.upperBound else { break }
          var length = 1
          _ = UTF8Decoding.scalar(text, at: position, to: range.upperBound, length: &length)
          position += length
          continue
        }
        match(found)
        position = found.upperBound
        lastEnd = position
      }
    case .literal(let bytes):
      var position = range.lowerBound
      bytes.withUnsafeBufferPointer { bytes in
        while position + bytes.count <= range.upperBound {
          var count = 0
          while count < bytes.count, text[position + count] == bytes[count] { count += 1 }
          if count == bytes.count {
            match(position..<position + count)
            position += count
          } else {
            position += 1
          }
        }
      }
    case .scalars(let table):
      var position = range.lowerBound
      var length = 1
      while position < range.upperBound {
        if table.contains(text, at: position, to: range.upperBound, length: &length) {
          match(position..<position + length)
        }
        position += length
      }
    }
    if previous < range.upperBound { body(previous..<range.upperBound, false) }
  }
}

/// Cuts a text at what a pattern finds.
struct Splitter: Sendable {
  /// What becomes of the matches.
  enum Behavior: String, Sendable {
    /// They are left out.
    case removed = "Removed"
    /// Each is a piece of its own.
    case isolated = "Isolated"
    /// They end the piece before them.
    case mergedWithPrevious = "MergedWithPrevious"
    /// They start the piece after them.
    case mergedWithNext = "MergedWithNext"
    /// Neighbors are one piece.
    case contiguous = "Contiguous"
  }

  let pattern: SearchPattern
  let behavior: Behavior
  /// Whether what is not found counts as found, and the other way round.
  var isInverted = false

  /// Calls `body` with the pieces of `range`, none of which is empty; `search` looks for ``pattern``.
  func forEach(
    in text: UnsafePointer<UInt8>, _ range: Range<Int>, _ search: PatternSearch, _ body: (Range<Int>) -> Void
  ) {
    switch behavior {
    case .removed, .isolated:
      search.forEach(in: text, range) { piece, isMatch in
        if !piece.isEmpty, behavior == .isolated || isMatch == isInverted { body(piece) }
      }
    case .contiguous, .mergedWithPrevious:
      var pending: Range<Int>?
      var wasMatch = false
      search.forEach(in: text, range) { piece, found in
        let isMatch = found != isInverted
        let joins = behavior == .contiguous ? isMatch == wasMatch : isMatch && !wasMatch
        if joins, let start = pending?.lowerBound {
          pending = start..<piece.upperBound
        } else {
          if let pending, !pending.isEmpty { body(pending) }
          pending = piece
        }
        wasMatch = isMatch
      }
      if let pending, !pending.isEmpty { body(pending) }
    case .mergedWithNext:
      var pieces: [(range: Range<Int>, isMatch: Bool)] = []
      search.forEach(in: text, range) { pieces.append(($0, $1 != isInverted)) }
      var merged: [Range<Int>] = []
      var wasMatch = false
      for piece in pieces.reversed() {
        if piece.isMatch, !wasMatch, let last = merged.last {
          merged[merged.count - 1] = piece.range.lowerBound..<last.upperBound
        } else {
          merged.append(piece.range)
        }
        wasMatch = piece.isMatch
      }
      for piece in merged.reversed() where !piece.isEmpty { body(piece) }
    }
  }

  /// Whether each place where it cuts follows from the two characters around it, so that the pieces of two
  /// parts of a text are those of the whole, but for one that goes over the cut.
  var isLocal: Bool {
    guard case .scalars = pattern else { return false }
    return [.removed, .isolated, .contiguous].contains(behavior)
  }

  /// Whether it always cuts between a character that is no white space and a space.
  var cutsBeforeSpaces: Bool {
    guard case .scalars(let table) = pattern, isLocal else { return false }
    return table.set == ScalarProperties.space && (behavior != .contiguous)
  }
}
