import CastleFormats
import CastleTensors
import CastleTokenizer

/// How many documents are kept for validation.
public enum ValidationSize: Sendable, Hashable {
  /// This many documents.
  case documents(Int)
  /// This share of the documents, but at least one; of a corpus of one document, its last part.
  case fraction(Double)

  /// Whether there is to be no validation.
  var isNone: Bool { self == .documents(0) || self == .fraction(0) }

  /// - Throws: ``InputError`` if it makes no sense.
  func check() throws {
    switch self {
    case .documents(let count):
      guard count >= 0 else {
        throw InputError("\(count) validation documents were asked for; 0 or more are right")
      }
    case .fraction(let fraction):
      guard fraction >= 0, fraction < 1 else {
        throw InputError("the validation fraction is \(fraction); from 0 to less than 1 is right")
      }
    }
  }
}

/// Which documents of a corpus are for validation.
///
/// Every document has a number made of the seed, the name of its file and its place in it; the documents with
/// the smallest numbers are chosen. So the choice depends neither on the threads nor on where the corpus
/// is. Two documents of one file never have one number, two of different files with a probability of 2⁻⁶⁴.
///
/// Documents of white space alone do not count. A text that several documents have counts once, by the first
/// of them, and the others follow it: what models are measured on is never what they were trained on.
struct ValidationChoice {
  /// Documents whose text an earlier one has, in their order; nil if nobody has looked.
  private(set) var duplicates: [DuplicateDocument]?

  /// Where the only document is cut in two, the second for validation.
  private(set) var cut: CorpusCut?

  /// The largest number that is chosen; nil if none is.
  private var threshold: UInt64?
  /// The numbers of the chosen texts that have duplicates.
  private var chosenContents: Set<Int> = []
  private let seed: UInt64

  /// Whether a piece's document is for validation, unless it is a duplicate.
  func contains(_ piece: CorpusPiece, of item: CorpusItem) -> Bool {
    if item.isAfterCut { return true }
    return threshold.map { Self.number(piece.document, of: item.file, seed: seed) <= $0 } ?? false
  }

  /// Whether a duplicate is for validation, as the first document with its text is.
  func contains(_ duplicate: DuplicateDocument) -> Bool { chosenContents.contains(duplicate.content) }

  /// Whether ``init(_:seed:removesDuplicates:files:cutter:source:pool:progress:)`` reads the text.
  static func readsText(
    _ size: ValidationSize, removesDuplicates: Bool, files: [CorpusFile], cutter: PieceCutter
  ) -> Bool {
    (!size.isNone || removesDuplicates) && !areWhole(files, cutter: cutter)
  }

  /// Whether each file is one document of a known size.
  private static func areWhole(_ files: [CorpusFile], cutter: PieceCutter) -> Bool {
    cutter.separator.isEmpty && files.allSatisfy { $0.format == .text && $0.textByteCount != nil }
  }

  /// Chooses documents. JSON lines, compressed files and files with separators are read for it, to know which
  /// documents have text and which are equal; where none is to be chosen or left out, they are not.
  ///
  /// - Throws: ``InputError`` if there are too few documents or one cannot be read, or the error of
  ///   `progress`.
  init(
    _ size: ValidationSize, seed: UInt64, removesDuplicates: Bool, files: [CorpusFile], cutter: PieceCutter,
    source: PieceText, pool: ThreadPool, progress: (Int) throws -> Void
  ) throws {
    self.seed = seed
    let documents: CorpusDocuments
    if Self.areWhole(files, cutter: cutter) {
      documents = try CorpusDocuments(wholeFiles: files, seed: seed)
    } else if size.isNone && !removesDuplicates {
      return
    } else {
      documents = try CorpusDocuments(
        files, cutter: cutter, source: source, seed: seed, pool: pool, progress: progress)
    }
    duplicates = documents.duplicates
    guard !documents.numbers.isEmpty else {
      throw InputError("the corpus is empty: no document has any text")
    }
    if !size.isNone { try choose(size, of: documents, removesDuplicates: removesDuplicates) }
  }

  private mutating func choose(
    _ size: ValidationSize, of documents: CorpusDocuments, removesDuplicates: Bool
  ) throws {
    let numbers = documents.numbers
    if numbers.count == 1, case .fraction(let fraction) = size, let file = documents.lastFile,
      file.format == .text
    {
      guard documents.duplicates.isEmpty || removesDuplicates else {
        throw InputError(
          subject: "the corpus",
          problem: "is one text \(documents.duplicates.count + 1) times, which cannot be cut for validation",
          remedy: "leave out the copies (\(.deduplicate)), or choose a validation fraction of 0")
      }
      cut = CorpusCut(
        file: file.name, place: try Self.cut(file, documents.lastRange, fraction: fraction))
      return
    }
    let count =
      switch size {
      case .documents(let count): count
      case .fraction(let fraction): max(1, Int((fraction * Double(numbers.count)).rounded()))
      }
    guard count < numbers.count else {
      let kind = documents.duplicates.isEmpty ? "document" : "different document"
      throw InputError(
        "the corpus has \(NumberFormat.count(numbers.count, kind)) with text; \(count) for validation would "
          + "leave none for training")
    }
    let threshold = numbers.sorted()[count - 1]
    self.threshold = threshold
    chosenContents = Set(documents.duplicates.map(\.content).filter { numbers[$0] <= threshold })
  }

  /// The end of the line after which the last `fraction` of a text begins, which is `range` of a file.
  private static func cut(_ file: CorpusFile, _ range: Range<Int>, fraction: Double) throws -> Int {
    let wanted = range.lowerBound + Int(Double(range.count) * (1 - fraction))
    let stream = try file.open()
    var place = 0
    var lineEnd: Int?
    while place < range.upperBound {
      var bytes: [UInt8] = []
      let goal = place < wanted ? wanted : range.upperBound
      guard try stream.read(min(1 << 18, goal - place), onto: &bytes) > 0 else { break }
      defer { place += bytes.count }
      guard place >= wanted else { continue }
      var rest = bytes[...]
      if lineEnd == nil, let index = bytes.firstIndex(of: UInt8(ascii: "\n")),
        place + index < wanted + 1 << 20
      {
        lineEnd = place + index + 1
        rest = bytes[(index + 1)...]
      }
      // What is for validation must have text.
      if let lineEnd, !Blank.isBlank(rest) { return lineEnd }
    }
    throw InputError(
      "\(file.path) is a single document without a line end near \(wanted), where validation would begin; "
        + "give more documents, or a validation fraction of 0")
  }

  /// What a document is chosen by.
  static func number(_ document: Int, of file: CorpusFile, seed: UInt64) -> UInt64 {
    let name = SplitMix64.mixed(ByteHash.of(file.name.utf8) ^ SplitMix64.mixed(seed))
    return SplitMix64.mixed(name ^ UInt64(document))
  }
}
