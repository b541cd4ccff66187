import CastleFormats
import CastleTensors
import CastleTokenizer

/// The documents of a corpus that have text, each text once.
struct CorpusDocuments {
  /// What the documents are chosen by.
  private(set) var numbers: [UInt64] = []
  /// Documents whose text an earlier one has.
  private(set) var duplicates: [DuplicateDocument] = []
  /// The file of the last document with text.
  private(set) var lastFile: CorpusFile?
  /// Where that document is in the text of its file.
  private(set) var lastRange = 0..<0

  /// The documents of files that are one each, and whose sizes are known.
  ///
  /// Only files of equal sizes that start equally are read, to know whether they are equal.
  init(wholeFiles files: [CorpusFile], seed: UInt64) throws {
    var timesMet: [Start: Int] = [:]
    for file in files { timesMet[Start(file), default: 0] += 1 }
    var contents: [UInt128: Int] = [:]
    for (ordinal, file) in files.enumerated() {
      let start = Start(file)
      guard start.byteCount > 0, try file.startsWithText || Self.hasText(file) else { continue }
      if timesMet[start]! > 1 {
        let hash = start.byteCount > CorpusFile.hashedLength ? try Self.hash(file) : start.hash
        if let content = contents[hash] {
          duplicates.append(DuplicateDocument(ordinal: ordinal, content: content))
          continue
        }
        contents[hash] = numbers.count
      }
      numbers.append(ValidationChoice.number(0, of: file, seed: seed))
      lastFile = file
      lastRange = 0..<start.byteCount
    }
  }

  /// What equal files have in common and different ones seldom have.
  private struct Start: Hashable {
    let byteCount: Int
    let hash: UInt128

    init(_ file: CorpusFile) {
      byteCount = file.textByteCount!
      hash = file.startHash
    }
  }

  /// The documents of any files, which are read.
  init(
    _ files: [CorpusFile], cutter: PieceCutter, source: PieceText, seed: UInt64, pool: ThreadPool,
    progress: (Int) throws -> Void
  ) throws {
    struct Piece {
      var hasText = false
      var hash: UInt128?
    }
    var contents = ContentTable()
    var hasher = DocumentHasher()
    var ordinal = 0
    var start = 0
    try CorpusPipeline(pool: pool).run(
      CorpusReader(files, cutter: cutter),
      work: { item, _ in
        try item.group.pieces.indices.map { index in
          var result = Piece()
          let piece = item.group.pieces[index]
          try source.withText(index, of: item.group) { text in
            result.hasText = !(piece.isWhole && text.isBlank)
            result.hash = DocumentHasher.hash(text, of: piece)
          }
          return result
        }
      },
      deliver: { item, results in
        for (piece, result) in zip(item.group.pieces, results) {
          if piece.isFirst { start = item.offset + piece.range.lowerBound }
          guard let hash = hasher.take(piece, of: item.group, whole: result.hash) else { continue }
          defer { ordinal += 1 }
          guard result.hasText else { continue }
          let content = contents.number(hash)
          guard content == numbers.count else {
            duplicates.append(DuplicateDocument(ordinal: ordinal, content: content))
            continue
          }
          numbers.append(ValidationChoice.number(piece.document, of: item.file, seed: seed))
          lastFile = item.file
          lastRange = start..<item.offset + piece.range.upperBound
        }
      },
      progress: progress)
  }

  private static func hasText(_ file: CorpusFile) throws -> Bool {
    try contains(file) { !Blank.isBlank($0) }
  }

  private static func hash(_ file: CorpusFile) throws -> UInt128 {
    var hash = ContentHash()
    _ = try contains(file) { bytes in
      bytes.withUnsafeBytes { hash.update($0) }
      return false
    }
    return hash.value
  }

  /// Whether `predicate` is true of a stretch of the text.
  private static func contains(_ file: CorpusFile, where predicate: ([UInt8]) -> Bool) throws -> Bool {
    let stream = try file.open()
    let step = 1 << 18
    while true {
      var bytes: [UInt8] = []
      let count = try stream.read(min(step, stream.remaining ?? step), onto: &bytes)
      if predicate(bytes) { return true }
      if count < step { return false }
    }
  }
}
