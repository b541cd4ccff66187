import CastleFormats

/// What is done to a text before it is cut into pre-tokens.
struct Normalizer: Sendable {
  /// One step.
  enum Step: Sendable {
    /// A form of Unicode.
    case form(NormalizationForm.Kind)
    /// Lower case, character by character.
    case lowercase
    /// Bytes put before a text that is not empty.
    case prepend([UInt8])
    /// Bytes in place of what a pattern finds.
    case replace(SearchPattern, by: [UInt8])
    /// White space left out at the start or the end.
    case strip(start: Bool, end: Bool)
  }

  /// The steps, in order.
  var steps: [Step] = []

  /// Whether it does nothing to a text but character by character, or near a character that is no ASCII.
  var keepsCuts: Bool {
    steps.allSatisfy { step in
      switch step {
      case .form, .lowercase: true
      case .prepend, .replace, .strip: false
      }
    }
  }

  /// The normalizer that the part `normalizer` of a `tokenizer.json` describes.
  ///
  /// - Throws: ``InputError`` without the file's name if it is malformed or has a kind that is not
  ///   implemented.
  init(json: JSONValue) throws {
    if json == .null { return }
    guard case .string(let type) = json["type"] else {
      throw InputError("its normalizer has a part without a type")
    }
    switch type {
    case "Sequence":
      guard case .list(let parts) = json["normalizers"] else {
        throw InputError("its normalizer is a Sequence without a list")
      }
      steps = try parts.flatMap { try Normalizer(json: $0).steps }
    case "NFC", "NFD", "NFKC", "NFKD": steps = [.form(NormalizationForm.Kind(rawValue: type)!)]
    case "Lowercase": steps = [.lowercase]
    case "Prepend":
      guard case .string(let text) = json["prepend"] else { throw InputError("its Prepend has no text") }
      if !text.isEmpty { steps = [.prepend(Array(text.utf8))] }
    case "Replace":
      guard case .string(let content) = json["content"] else {
        throw InputError("its Replace has no content")
      }
      steps = [.replace(try SearchPattern(json: json["pattern"]), by: Array(content.utf8))]
    case "Strip":
      steps = [.strip(start: json["strip_left"] != .bool(false), end: json["strip_right"] != .bool(false))]
    default: throw InputError("its normalizer \(type) is not implemented")
    }
  }

  /// No steps.
  init() {}
}

/// Applies a ``Normalizer``. Holds scratch memory; not for use by several threads at once.
struct TextNormalizer {
  private let steps: [Step]

  private enum Step {
    case form(NormalizationForm)
    case lowercase
    case prepend([UInt8])
    case replace(PatternSearch, by: [UInt8])
    case replaceByte(UInt8, by: [UInt8])
    case strip(start: Bool, end: Bool)
  }

  /// Whether there is nothing to do.
  var isEmpty: Bool { steps.isEmpty }

  init(_ normalizer: Normalizer) {
    steps = normalizer.steps.map { step in
      switch step {
      case .form(let kind): return .form(NormalizationForm(kind))
      case .lowercase: return .lowercase
      case .prepend(let bytes): return .prepend(bytes)
      case .replace(.literal(let bytes), let content) where bytes.count == 1:
        return .replaceByte(bytes[0], by: content)
      case .replace(let pattern, let content): return .replace(PatternSearch(pattern), by: content)
      case .strip(let start, let end): return .strip(start: start, end: end)
      }
    }
  }

  /// The normalized text, nil if it is the same; and whether what the text started with was left out, so that
  /// what it starts with now is not its start.
  func normalized(_ text: UnsafeBufferPointer<UInt8>) -> (text: [UInt8]?, losesStart: Bool) {
    var result: [UInt8]?
    var losesStart = false
    for step in steps {
      let changed =
        if let result {
          result.withUnsafeBufferPointer { apply(step, $0, &losesStart) }
        } else {
          apply(step, text, &losesStart)
        }
      if let changed { result = changed }
    }
    return (result, losesStart)
  }

  private func apply(_ step: Step, _ text: UnsafeBufferPointer<UInt8>, _ losesStart: inout Bool) -> [UInt8]? {
    guard let base = text.baseAddress, !text.isEmpty else { return nil }
    switch step {
    case .form(let form): return form.normalized(text)
    case .lowercase: return Self.lowercased(text)
    case .prepend(let bytes): return bytes + text
    case .replaceByte(let byte, let content):
      if content.isEmpty, text[0] == byte { losesStart = true }
      var result: [UInt8] = []
      result.reserveCapacity(text.count + text.count / 2)
      var start = 0
      while let place = text[start...].firstIndex(of: byte) {
        result.append(contentsOf: text[start..<place])
        result.append(contentsOf: content)
        start = place + 1
      }
      if start == 0 { return nil }
      result.append(contentsOf: text[start...])
      return result
    case .replace(let search, let content):
      var result: [UInt8] = []
      search.forEach(in: base, 0..<text.count) { range, isMatch in
        if isMatch, content.isEmpty, range.lowerBound == 0, !range.isEmpty { losesStart = true }
        result.append(contentsOf: isMatch ? content[...] : Array(text[range])[...])
      }
      return result
    case .strip(let atStart, let atEnd):
      var range = 0..<text.count
      if atStart {
        range = Self.spacesEnd(text, range)..<text.count
        if range.lowerBound > 0 { losesStart = true }
      }
      if atEnd { range = range.lowerBound..<Self.spacesStart(text, range) }
      return range.count == text.count ? nil : Array(text[range])
    }
  }

  private static let space = ScalarTable(ScalarProperties.space)

  private static func spacesEnd(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int {
    var position = range.lowerBound
    var length = 1
    while position < range.upperBound,
      space.contains(text.baseAddress!, at: position, to: range.upperBound, length: &length)
    {
      position += length
    }
    return position
  }

  private static func spacesStart(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int {
    var position = range.upperBound
    while position > range.lowerBound {
      let before = UTF8Decoding.before(position, in: text.baseAddress!, from: range.lowerBound)
      var length = 1
      guard space.contains(text.baseAddress!, at: before, to: position, length: &length) else { break }
      position = before
    }
    return position
  }

  /// The text in lower case, without regard to what stands around a character.
  private static func lowercased(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      let byte = text[position]
      if byte < 0x80 {
        result.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        position += 1
        continue
      }
      let step = UTF8Decoding.step(text.baseAddress!, from: position, to: text.count)
      switch step {
      case .scalar(let value, let length):
        let scalar = Unicode.Scalar(value)!
        if scalar.properties.changesWhenLowercased {
          result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
        } else {
          result.append(contentsOf: text[position..<position + length])
        }
        position += length
      case .invalid(let length), .incomplete(let length):
        result.append(contentsOf: text[position..<position + length])
        position += length
      }
    }
    return result
  }
}
