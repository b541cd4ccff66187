import CastleCluster

/// What the main rank gives a helper to do: the pieces of one round that are the helper's.
struct PieceMessage {
  /// The pieces, those of each item apart.
  let groups: [PieceGroup]
  /// Whether the hashes of whole documents are wanted.
  let wantsHashes: Bool

  /// The message for `items`; the last one says that there is nothing more to do.
  static func bytes(_ items: [CorpusItem], wantsHashes: Bool, isLast: Bool) -> [UInt8] {
    var writer = MessageWriter()
    writer.add(isLast ? 1 : 0)
    writer.add(wantsHashes ? 1 : 0)
    writer.add(items.count)
    for group in items.map(\.group) {
      writer.add(group.bytes)
      writer.add(
        group.pieces.flatMap { piece in
          [
            piece.document, piece.range.lowerBound, piece.range.upperBound, piece.isFirst ? 1 : 0,
            piece.isLast ? 1 : 0,
          ]
        })
      writer.add(group.format.rawValue)
      writer.add(group.path)
      writer.add(group.firstLine)
    }
    return writer.bytes
  }

  /// The largest number of bytes of the message for `group`, and of its answer: a token for every byte.
  static func mostBytes(_ group: PieceGroup) -> Int {
    5 * group.bytes.count + 128 * (group.pieces.count + 1) + group.path.utf8.count
  }

  /// Reads a message; nil if there is nothing more to do.
  init?(_ bytes: [UInt8]) {
    var reader = MessageReader(bytes)
    guard reader.number() == 0 else { return nil }
    wantsHashes = reader.number() == 1
    groups = (0..<reader.number()).map { _ in
      let bytes = reader.values(of: UInt8.self)
      let numbers = reader.values(of: Int.self)
      let pieces = stride(from: 0, to: numbers.count, by: 5).map { place in
        CorpusPiece(
          document: numbers[place], range: numbers[place + 1]..<numbers[place + 2],
          isFirst: numbers[place + 3] == 1, isLast: numbers[place + 4] == 1)
      }
      guard let format = TextFormat(rawValue: reader.text()) else {
        preconditionFailure("the message has another form")
      }
      return PieceGroup(
        bytes: bytes, pieces: pieces, format: format, path: reader.text(), firstLine: reader.number())
    }
  }
}

/// The tokens that a helper has made.
enum EncodedItemMessage {
  /// Writes `items`; nil is one with an error.
  static func write(_ items: [EncodedItem?], to writer: inout MessageWriter) {
    writer.add(items.count)
    for item in items {
      writer.add(item == nil ? 0 : 1)
      guard let item else { continue }
      writer.add(item.tokens)
      writer.add(item.hasEndLine ? 1 : 0)
      writer.add(
        item.pieces.flatMap { piece in
          [piece.tokenEnd, piece.byteCount, piece.invalidByteCount, piece.hash == nil ? 0 : 1]
        })
      writer.add(
        item.pieces.compactMap(\.hash).flatMap {
          [UInt64(truncatingIfNeeded: $0), UInt64(truncatingIfNeeded: $0 >> 64)]
        })
    }
  }

  /// Reads what ``write(_:to:)`` has written.
  static func items(_ reader: inout MessageReader) -> [EncodedItem?] {
    (0..<reader.number()).map { _ in
      guard reader.number() == 1 else { return nil }
      var item = EncodedItem()
      item.tokens = reader.values()
      item.hasEndLine = reader.number() == 1
      let numbers = reader.values(of: Int.self)
      var halves = reader.values(of: UInt64.self)[...]
      item.pieces = stride(from: 0, to: numbers.count, by: 4).map { place in
        var hash: UInt128?
        if numbers[place + 3] == 1 {
          let low = UInt128(halves.removeFirst())
          hash = UInt128(halves.removeFirst()) << 64 | low
        }
        return EncodedItem.Piece(
          tokenEnd: numbers[place], byteCount: numbers[place + 1], invalidByteCount: numbers[place + 2],
          hash: hash)
      }
      return item
    }
  }
}
