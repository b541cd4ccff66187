/// Takes pre-tokens.
protocol PreTokenVisitor {
  /// `count` bytes at `text` are a pre-token; `readable` bytes can be read there.
  mutating func visit(_ text: UnsafePointer<UInt8>, count: Int, readable: Int)
}

/// Applies a ``PreTokenizer``. Holds scratch memory; not for use by several threads at once.
struct PreTokenCutter {
  let preTokenizer: PreTokenizer
  private let searches: [PatternSearch?]

  init(_ preTokenizer: PreTokenizer) {
    self.preTokenizer = preTokenizer
    searches = preTokenizer.stages.map { stage in
      if case .split(let splitter) = stage { return PatternSearch(splitter.pattern) }
      return nil
    }
  }

  /// Gives the pre-tokens of `range` to `visitor`, in order.
  ///
  /// - Parameter isStart: Whether the range starts where the whole text does.
  @inline(__always)
  func cut<Visitor: PreTokenVisitor>(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, isStart: Bool, into visitor: inout Visitor
  ) {
    if preTokenizer.isGPT2 {
      scan(GPT2Scanner(), text, range, &visitor)
    } else {
      run(0, text, range, isStart, &visitor)
    }
  }

  @inline(__always)
  private func scan<Scanner: PreTokenScanner, Visitor: PreTokenVisitor>(
    _ scanner: Scanner, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ visitor: inout Visitor
  ) {
    let end = range.upperBound
    var position = range.lowerBound
    while position < end {
      let next = scanner.preTokenEnd(text, from: position, to: end)
      visitor.visit(text + position, count: next - position, readable: end - position)
      position = next
    }
  }

  private func run<Visitor: PreTokenVisitor>(
    _ index: Int, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ isStart: Bool,
    _ visitor: inout Visitor
  ) {
    guard !range.isEmpty else { return }
    let stages = preTokenizer.stages
    guard index < stages.count else {
      return visitor.visit(text + range.lowerBound, count: range.count, readable: range.count)
    }
    let isLast = index + 1 == stages.count
    switch stages[index] {
    case .gpt2(let scanner):
      if isLast { return scan(scanner, text, range, &visitor) }
      forEach(scanner, text, range) {
        run(index + 1, text, $0, isStart && $0.lowerBound == range.lowerBound, &visitor)
      }
    case .cl100k(let scanner):
      if isLast { return scan(scanner, text, range, &visitor) }
      forEach(scanner, text, range) {
        run(index + 1, text, $0, isStart && $0.lowerBound == range.lowerBound, &visitor)
      }
    case .o200k(let scanner):
      if isLast { return scan(scanner, text, range, &visitor) }
      forEach(scanner, text, range) {
        run(index + 1, text, $0, isStart && $0.lowerBound == range.lowerBound, &visitor)
      }
    case .split(let splitter):
      splitter.forEach(in: text, range, searches[index]!) {
        run(index + 1, text, $0, isStart && $0.lowerBound == range.lowerBound, &visitor)
      }
    case .prefixSpace:
      if text[range.lowerBound] == 0x20 { return run(index + 1, text, range, isStart, &visitor) }
      changed([0x20] + UnsafeBufferPointer(start: text + range.lowerBound, count: range.count)) {
        run(index + 1, $0, $1, isStart, &visitor)
      }
    case .metaspace(let metaspace):
      let start = range.lowerBound
      let isPrefixed =
        metaspace.scheme != .never && (metaspace.scheme == .always || isStart)
        && !metaspace.isSpace(text, at: start, to: range.upperBound)
      if isLast {
        cutAtSpaces(metaspace, text, range, isPrefixed, &visitor)
      } else {
        changed(replaced(metaspace, text, range, isPrefixed)) { changed, all in
          guard metaspace.splits else { return run(index + 1, changed, all, isStart, &visitor) }
          var start = 0
          while start < all.upperBound {
            let end = spaceStart(metaspace, changed, after: start, to: all.upperBound)
            run(index + 1, changed, start..<end, isStart && start == 0, &visitor)
            start = end
          }
        }
      }
    case .byteAlphabet:
      let piece = UnsafeBufferPointer(start: text + range.lowerBound, count: range.count)
      changed(ByteAlphabet.encode(piece)) { run(index + 1, $0, $1, isStart, &visitor) }
    case .bytes:
      let piece = UnsafeBufferPointer(start: text + range.lowerBound, count: range.count)
      changed(ByteAlphabet.decode(piece) ?? []) { run(index + 1, $0, $1, isStart, &visitor) }
    }
  }

  private func forEach<Scanner: PreTokenScanner>(
    _ scanner: Scanner, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>) -> Void
  ) {
    var position = range.lowerBound
    while position < range.upperBound {
      let next = scanner.preTokenEnd(text, from: position, to: range.upperBound)
      body(position..<next)
      position = next
    }
  }

  private func changed(_ bytes: [UInt8], _ body: (UnsafePointer<UInt8>, Range<Int>) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      if let base = bytes.baseAddress { body(base, 0..<bytes.count) }
    }
  }

  private func replaced(
    _ metaspace: Metaspace, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ isPrefixed: Bool
  ) -> [UInt8] {
    var result = isPrefixed ? metaspace.replacement : []
    result.reserveCapacity(range.count + range.count / 2)
    for position in range {
      if text[position] == 0x20 { result += metaspace.replacement } else { result.append(text[position]) }
    }
    return result
  }

  /// Gives the pre-tokens with spaces as they are; the model takes them for the character.
  @inline(__always)
  private func cutAtSpaces<Visitor: PreTokenVisitor>(
    _ metaspace: Metaspace, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ isPrefixed: Bool,
    _ visitor: inout Visitor
  ) {
    let end = range.upperBound
    var position = range.lowerBound
    if isPrefixed || !metaspace.splits {
      let next = metaspace.splits ? spaceStart(metaspace, text, after: position, to: end) : end
      if isPrefixed {
        let first = [0x20] + UnsafeBufferPointer(start: text + position, count: next - position)
        first.withUnsafeBufferPointer {
          visitor.visit($0.baseAddress!, count: $0.count, readable: $0.count)
        }
      } else {
        visitor.visit(text + position, count: next - position, readable: end - position)
      }
      position = next
    }
    while position < end {
      let next = spaceStart(metaspace, text, after: position, to: end)
      visitor.visit(text + position, count: next - position, readable: end - position)
      position = next
    }
  }

  /// The first place after the character at `start` where a space or its replacement stands, or `end`.
  @inline(__always)
  private func spaceStart(
    _ metaspace: Metaspace, _ text: UnsafePointer<UInt8>, after start: Int, to end: Int
  ) -> Int {
    var position = start + 1
    let first = metaspace.replacement[0]
    while position < end {
      let byte = text[position]
      if byte == 0x20 || byte == first && metaspace.isSpace(text, at: position, to: end) { return position }
      position += 1
    }
    return end
  }
}
