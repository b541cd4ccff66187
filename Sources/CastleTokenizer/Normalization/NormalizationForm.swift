import Foundation

/// Unicode's normalization forms, as of Unicode 9, the version that Python's `tokenizers` has: characters
/// that were assigned later stay as they are.
///
/// Bytes that are not UTF-8 stay as they are too.
final class NormalizationForm {
  /// One of the four forms.
  enum Kind: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"
  }

  private let kind: Kind

  /// What is known of each scalar, a page of 256 at a time; empty if the page has not been needed.
  private var pages = [[Status]](repeating: [], count: 0x1100)

  private enum Status: UInt8 {
    /// Starts what can be normalized by itself, and stays as it is if nothing after it combines with it.
    case stable
    /// Was assigned after Unicode 9: it is like the end of a text.
    case boundary
    /// Changes, or combines with what is before it.
    case active
  }

  init(_ kind: Kind) {
    self.kind = kind
  }

  /// Characters of combining class 0 that combine with the one before.
  private static let trailing: ScalarSet = ScalarSet(
    values: [
      0x9BE, 0x9D7, 0xB3E, 0xB56, 0xB57, 0xBBE, 0xBD7, 0xCC2, 0xCD5, 0xCD6, 0xD3E, 0xD57, 0xDCF, 0xDDF,
      0x102E,
      0x1B35, 0x11127, 0x1133E, 0x11357, 0x114B0, 0x114BA, 0x114BD, 0x115AF,
    ]
  ).union(ScalarSet([0x1161...0x1175, 0x11A8...0x11C2]))

  /// Characters above 16 bits that another one combines with.
  private static let leading = ScalarSet(
    values: [0x11099, 0x1109B, 0x110A5, 0x11131, 0x11132, 0x11347, 0x114B9, 0x115B8, 0x115B9])

  /// The text in this form; nil if it has it already.
  func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard let base = text.baseAddress else { return nil }
    var result: [UInt8]?
    /// Up to where the text is in the result, if there is one.
    var done = 0
    /// Where the last stable character starts, after which active ones may come.
    var start = 0
    var position = 0
    while position < text.count {
      if base[position] < 0x80 {
        start = position
        position += 1
        continue
      }
      let status = status(base, at: &position, to: text.count)
      switch status.status {
      case .stable: start = status.start
      case .boundary: start = position
      case .active:
        var end = position
        while position < text.count {
          let next = self.status(base, at: &position, to: text.count)
          guard next.status == .active else {
            position = next.start
            break
          }
          end = position
        }
        let run = UnsafeBufferPointer(rebasing: text[start..<end])
        let changed = form(of: String(decoding: run, as: UTF8.self))
        if result != nil || !changed.elementsEqual(run) {
          if result == nil { result = [] }
          result!.append(contentsOf: text[done..<start])
          result!.append(contentsOf: changed)
          done = end
        }
        start = end
      }
    }
    result?.append(contentsOf: text[done...])
    return result
  }

  /// The status of the character at `position`, which moves behind it.
  private func status(
    _ text: UnsafePointer<UInt8>, at position: inout Int, to end: Int
  ) -> (status: Status, start: Int) {
    let start = position
    if text[position] < 0x80 {
      position += 1
      return (.stable, start)
    }
    switch UTF8Decoding.step(text, from: position, to: end) {
    case .invalid(let length), .incomplete(let length):
      position += length
      return (.boundary, start)
    case .scalar(let value, let length):
      position += length
      let page = Int(value >> 8)
      if pages[page].isEmpty { pages[page] = (0..<256).map { status(of: UInt32(page << 8 | $0)) } }
      return (pages[page][Int(value & 0xFF)], start)
    }
  }

  private func status(of value: UInt32) -> Status {
    guard let scalar = Unicode.Scalar(value) else { return .boundary }
    guard ScalarProperties.isAssigned(scalar, by: 9) else { return .boundary }
    if scalar.properties.canonicalCombiningClass != .notReordered { return .active }
    if kind == .nfc || kind == .nfkc, Self.trailing.contains(value) { return .active }
    let text = String(scalar)
    return form(of: text).elementsEqual(text.utf8) ? .stable : .active
  }

  private func form(of text: String) -> String.UTF8View {
    let decomposed =
      switch kind {
      case .nfc, .nfd: text.decomposedStringWithCanonicalMapping
      case .nfkc, .nfkd: text.decomposedStringWithCompatibilityMapping
      }
    // Swift's mappings do not put marks in order that come from a character of combining class 0, such as
    // U+0F73; in a second pass there is none.
    return switch kind {
    case .nfd, .nfkd: decomposed.decomposedStringWithCanonicalMapping.utf8
    case .nfc, .nfkc: Self.composed(decomposed).utf8
    }
  }

  /// The canonical composition of a decomposed text.
  ///
  /// Swift's takes the first character of a pair for the one with the same lower 16 bits, U+10041 for A. So
  /// characters above these that begin no pair are kept from it.
  private static func composed(_ text: String) -> String {
    var (result, piece) = (String(), String.UnicodeScalarView())
    for scalar in text.unicodeScalars {
      if scalar.value <= 0xFFFF || scalar.properties.canonicalCombiningClass != .notReordered
        || leading.contains(scalar.value) || trailing.contains(scalar.value)
      {
        piece.append(scalar)
      } else {
        result += String(piece).precomposedStringWithCanonicalMapping
        result.unicodeScalars.append(scalar)
        piece.removeAll()
      }
    }
    return result + String(piece).precomposedStringWithCanonicalMapping
  }
}
