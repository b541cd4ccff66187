import CastleFormats
import CastleTensors
import CastleTokenizer

/// How many documents are kept for validation.
public enum ValidationSize: Sendable, Hashable {
  /// This many documents.
  case documents(Int)
  /// This share of the documents, but at least one; of a corpus of one document, its last part.
  case fraction(Double)
}

/// Which documents of a corpus are for validation.
///
/// Every document has a number made of the seed, the name of its file and its place in it; the documents with
/// the smallest numbers are chosen. So the choice depends neither on the threads nor on where the corpus lies. Two
/// documents of one file never have one number, two of different files with a probability of 2⁻⁶⁴.
struct ValidationChoice {
  /// The largest number that is chosen; nil if none is.
  private var threshold: UInt64?
  private let seed: UInt64

  /// Where the only document is cut in two, the second for validation.
  private(set) var cut: Int?

  /// Whether a piece's document is for validation.
  func contains(_ piece: CorpusPiece, of item: CorpusItem) -> Bool {
    if item.isAfterCut { return true }
    return threshold.map { Self.number(piece.document, of: item.file, seed: seed) <= $0 } ?? false
  }

  /// Chooses documents. JSON lines and files with separators are read for it, to know which documents have text.
  ///
  /// - Throws: ``InputError`` if there are too few documents or one cannot be read, or the error of `progress`.
  init(
    _ size: ValidationSize, seed: UInt64, files: [CorpusFile], cutter: PieceCutter, source: PieceText,
    pool: ThreadPool, progress: (Int) throws -> Void
  ) throws {
    self.seed = seed
    switch size {
    case .documents(0), .fraction(0): return
    case .documents(let count):
      guard count > 0 else {
        throw InputError("\(count) validation documents were asked for; 0 or more are right")
      }
    case .fraction(let fraction):
      guard fraction > 0, fraction < 1 else {
        throw InputError("the validation fraction is \(fraction); from 0 to less than 1 is right")
      }
    }
    let isWhole = cutter.separator.isEmpty && files.allSatisfy { $0.format == .text }
    let documents =
      isWhole
      ? Documents(wholeFiles: files, seed: seed)
      : try Documents(files, cutter: cutter, source: source, seed: seed, pool: pool, progress: progress)
    var numbers = documents.numbers
    guard !numbers.isEmpty else { throw InputError("the corpus is empty: no document has any text") }
    if numbers.count == 1, case .fraction(let fraction) = size, files.count == 1, files[0].format == .text {
      cut = try Self.cut(files[0], documents.lastRange, fraction: fraction)
      return
    }
    let count =
      switch size {
      case .documents(let count): count
      case .fraction(let fraction): max(1, Int((fraction * Double(numbers.count)).rounded()))
      }
    guard count < numbers.count else {
      throw InputError(
        "the corpus has \(numbers.count) document\(numbers.count == 1 ? "" : "s"); \(count) for validation would "
          + "leave none for training")
    }
    numbers.sort()
    threshold = numbers[count - 1]
  }

  /// The documents that have text.
  private struct Documents {
    /// Their numbers.
    private(set) var numbers: [UInt64] = []
    /// Where the last one lies in its file.
    private(set) var lastRange = 0..<0

    /// The documents of files that are one each.
    init(wholeFiles files: [CorpusFile], seed: UInt64) {
      for file in files where file.byteCount > 0 {
        numbers.append(number(0, of: file, seed: seed))
        lastRange = 0..<file.byteCount
      }
    }

    /// The documents of any files, which are read.
    init(
      _ files: [CorpusFile], cutter: PieceCutter, source: PieceText, seed: UInt64, pool: ThreadPool,
      progress: (Int) throws -> Void
    ) throws {
      var start: Int?
      try CorpusPipeline(pool: pool).run(
        CorpusReader(files, cutter: cutter),
        work: { item, _ in
          try item.pieces.indices.map { piece in
            var hasText = false
            try source.withText(piece, of: item) { text, _ in hasText = !text.isEmpty }
            return hasText
          }
        },
        deliver: { item, haveText in
          for (piece, hasText) in zip(item.pieces, haveText) {
            if hasText {
              let first = start ?? item.offset + piece.range.lowerBound
              lastRange = first..<item.offset + piece.range.upperBound
              start = first
            }
            guard piece.isLast else { continue }
            if start != nil { numbers.append(number(piece.document, of: item.file, seed: seed)) }
            start = nil
          }
        },
        progress: progress)
    }
  }

  /// The end of the line after which the last `fraction` of a text begins, which lies in `range` of a file.
  private static func cut(_ file: CorpusFile, _ range: Range<Int>, fraction: Double) throws -> Int {
    let wanted = range.lowerBound + Int(Double(range.count) * (1 - fraction))
    var window: [UInt8] = []
    try ReadableFile(reading: file.path).read(
      min(1 << 20, range.upperBound - wanted), at: wanted, onto: &window)
    guard let lineEnd = window.firstIndex(of: UInt8(ascii: "\n")), wanted + lineEnd + 1 < range.upperBound
    else {
      throw InputError(
        "\(file.path) is a single document without a line end near \(wanted), where validation would begin; "
          + "give more documents, or a validation fraction of 0")
    }
    return wanted + lineEnd + 1
  }

  private static func number(_ document: Int, of file: CorpusFile, seed: UInt64) -> UInt64 {
    let name = SplitMix64.mixed(ByteHash.of(file.name.utf8) ^ SplitMix64.mixed(seed))
    return SplitMix64.mixed(name ^ UInt64(document))
  }
}
