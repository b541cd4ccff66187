import CastleTokenizer

/// Cuts the bytes of files into documents, and long documents into pieces.
struct PieceCutter {
  /// Decides where a document can be cut.
  let tokenizer: Tokenizer
  /// How the names of special tokens in documents are read.
  let specialTokens: SpecialTokenReading
  /// A line of a text file that consists of these bytes stands between two documents; none if empty.
  let separator: [UInt8]

  /// How far a file has been cut.
  struct State {
    /// The place of the present document in the file.
    var document = 0
    /// The line of the next byte, counted from 1.
    var line = 1
    /// Whether the present document has begun.
    var isInDocument = false
  }

  /// The pieces that `bytes` starts with and the number of bytes that are used up; what is left belongs to a
  /// piece that cannot be cut before more bytes are there.
  func cut(
    _ bytes: [UInt8], format: TextFormat, isAtEnd: Bool, state: inout State
  ) -> (pieces: [CorpusPiece], used: Int) {
    switch format {
    case .text: cutText(bytes, isAtEnd: isAtEnd, state: &state)
    case .jsonLines: cutLines(bytes, isAtEnd: isAtEnd, state: &state)
    }
  }

  private func cutLines(
    _ bytes: [UInt8], isAtEnd: Bool, state: inout State
  ) -> (pieces: [CorpusPiece], used: Int) {
    var pieces: [CorpusPiece] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
      guard end != nil || isAtEnd else { break }
      pieces.append(
        CorpusPiece(
          document: state.document, range: start..<(end ?? bytes.count), isFirst: true, isLast: true))
      state.document += 1
      state.line += 1
      start = end.map { $0 + 1 } ?? bytes.count
    }
    return (pieces, start)
  }

  private func cutText(
    _ bytes: [UInt8], isAtEnd: Bool, state: inout State
  ) -> (pieces: [CorpusPiece], used: Int) {
    var pieces: [CorpusPiece] = []
    var start = 0
    while let line = separatorLine(bytes, from: start, isAtEnd: isAtEnd, state: state) {
      pieces.append(
        CorpusPiece(
          document: state.document, range: start..<line.lowerBound, isFirst: !state.isInDocument, isLast: true
        ))
      state.document += 1
      state.isInDocument = false
      start = line.upperBound
    }
    if isAtEnd {
      if start < bytes.count || state.isInDocument || state.document == 0 {
        pieces.append(
          CorpusPiece(
            document: state.document, range: start..<bytes.count, isFirst: !state.isInDocument, isLast: true))
      }
      return (pieces, bytes.count)
    }
    let cut = bytes.withUnsafeBufferPointer { bytes in
      tokenizer.lastSafeCut(in: UnsafeBufferPointer(rebasing: bytes[start...]), specialTokens: specialTokens)
    }
    guard let cut else { return (pieces, start) }
    pieces.append(
      CorpusPiece(
        document: state.document, range: start..<start + cut, isFirst: !state.isInDocument, isLast: false))
    state.isInDocument = true
    return (pieces, start + cut)
  }

  /// The next line that consists of the separator, its line end included.
  ///
  /// The bytes at `start` begin a line unless they go on with a document that was cut, which is never done
  /// before the first byte of a line.
  private func separatorLine(
    _ bytes: [UInt8], from start: Int, isAtEnd: Bool, state: State
  ) -> Range<Int>? {
    guard !separator.isEmpty else { return nil }
    var lineStart = start
    if state.isInDocument, start == 0 {
      guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      lineStart = end + 1
    }
    while lineStart < bytes.count {
      let lineEnd = bytes[lineStart...].firstIndex(of: UInt8(ascii: "\n"))
      guard lineEnd != nil || isAtEnd else { return nil }
      var line = bytes[lineStart..<(lineEnd ?? bytes.count)]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      let next = lineEnd.map { $0 + 1 } ?? bytes.count
      if line.elementsEqual(separator) { return lineStart..<next }
      lineStart = next
    }
    return nil
  }
}
