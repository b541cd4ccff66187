import CastleFormats
import CastleTensors

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
/// the smallest numbers are chosen. So the choice depends neither on the threads nor on where the corpus lies.
struct ValidationChoice {
  /// The largest number that is chosen; nil if none is.
  private var threshold: UInt64?
  private let seed: UInt64

  /// Where the only document is cut in two, the second for validation.
  private(set) var cut: Int?

  /// Whether a document is for validation.
  func contains(_ document: Int, of file: CorpusFile) -> Bool {
    if cut != nil { return document > 0 }
    return threshold.map { Self.number(document, of: file, seed: seed) <= $0 } ?? false
  }

  /// Chooses documents.
  ///
  /// - Throws: ``InputError`` if there are too few documents.
  init(_ size: ValidationSize, seed: UInt64, files: [CorpusFile], cutter: PieceCutter) throws {
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
    var numbers = try Self.numbers(files, cutter: cutter, seed: seed)
    if numbers.count == 1, case .fraction(let fraction) = size, files.count == 1, files[0].format == .text {
      cut = try Self.cut(files[0], fraction: fraction)
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

  /// The numbers of all documents.
  private static func numbers(_ files: [CorpusFile], cutter: PieceCutter, seed: UInt64) throws -> [UInt64] {
    if cutter.separator.isEmpty, !files.contains(where: { $0.format == .jsonLines }) {
      return files.filter { $0.byteCount > 0 }.map { number(0, of: $0, seed: seed) }
    }
    var reader = CorpusReader(files, cutter: cutter)
    var numbers: [UInt64] = []
    while let item = try reader.nextItem() {
      for piece in item.pieces where piece.isLast && !(piece.range.isEmpty) {
        numbers.append(number(piece.document, of: item.file, seed: seed))
      }
    }
    return numbers
  }

  /// The end of the line after which the last `fraction` of a text begins.
  private static func cut(_ file: CorpusFile, fraction: Double) throws -> Int {
    let wanted = Int(Double(file.byteCount) * (1 - fraction))
    var window: [UInt8] = []
    try FileDescriptor(reading: file.path).read(
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
