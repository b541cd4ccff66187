import CastleFormats

/// The vocabulary and merges of a byte-pair encoding, as they are needed to encode.
///
/// The smallest units are bytes in a byte-level vocabulary, else characters.
final class BytePairModel: Sendable {
  let merges: MergeTable
  let isByteLevel: Bool
  /// In a byte-level vocabulary, the id of each byte, -1 for a byte that has none.
  let byteTokens: [Int32]
  /// Whether every byte has a token, so that there are no unknown units.
  let hasAllBytes: Bool
  /// The id of the token for unknown units, -1 if they are left out.
  let unknown: Int32
  let fusesUnknown: Bool

  /// The ids of `<0x00>` to `<0xFF>`, -1 for one that is missing; empty if they are not used.
  private let fallbacks: [Int32]
  /// The ids of single characters, -1 for those that have none, and of those from ``flatCount`` on.
  private let flatScalars: [Int32]
  private let otherScalars: [UInt32: Int32]
  private static let flatCount = 0x20000

  /// The tokens by their bytes, where merges are ignored.
  private let index: TokenIndex?
  private let tokens: PackedTokens
  /// What spaces are taken for.
  let spaceCharacter: [UInt8]?

  /// - Parameter vocabulary: The bytes of each token as they are in pre-tokens; the place is the id.
  /// - Throws: ``InputError`` if the token for unknown units is not in the vocabulary.
  init(
    vocabulary: [[UInt8]?], merges: [Merge], settings: BytePairSettings, isByteLevel: Bool,
    spaceCharacter: [UInt8]?
  ) throws {
    self.merges = MergeTable(merges)
    self.isByteLevel = isByteLevel
    self.spaceCharacter = spaceCharacter
    fusesUnknown = settings.fusesUnknown
    var byteTokens = [Int32](repeating: -1, count: 256)
    var fallbacks = [Int32](repeating: -1, count: 256)
    var flat = isByteLevel ? [] : [Int32](repeating: -1, count: Self.flatCount)
    var others: [UInt32: Int32] = [:]
    var unknown: Int32 = -1
    let unknownName = settings.unknownToken.map { Array($0.utf8) }
    for (id, bytes) in vocabulary.enumerated() {
      guard let bytes else { continue }
      if bytes == unknownName { unknown = Int32(id) }
      if let byte = TokenDecoder.byte(named: bytes), bytes == Self.name(of: byte) {
        fallbacks[Int(byte)] = Int32(id)
      }
      if isByteLevel {
        if bytes.count == 1 { byteTokens[Int(bytes[0])] = Int32(id) }
      } else if let scalar = Self.single(bytes) {
        if scalar < Self.flatCount { flat[Int(scalar)] = Int32(id) } else { others[scalar] = Int32(id) }
      }
    }
    if let spaceCharacter, let scalar = Self.single(spaceCharacter), !isByteLevel {
      flat[0x20] = scalar < Self.flatCount ? flat[Int(scalar)] : others[scalar] ?? -1
    }
    hasAllBytes = isByteLevel && !byteTokens.contains(-1)
    if let name = settings.unknownToken, unknown < 0, !hasAllBytes {
      throw InputError("its unk_token \"\(name)\" is not in the vocabulary")
    }
    self.byteTokens = byteTokens
    self.unknown = unknown
    self.fallbacks = settings.fallsBackToBytes ? fallbacks : []
    flatScalars = flat
    otherScalars = others
    tokens = settings.ignoresMerges ? PackedTokens(vocabulary) : PackedTokens([])
    index = settings.ignoresMerges ? TokenIndex(tokens) : nil
  }

  /// The name of the token that stands for a byte.
  private static func name(of byte: UInt8) -> [UInt8] {
    let digits = String(byte, radix: 16, uppercase: true)
    return Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
  }

  /// The scalar that `bytes` are, if they are one.
  private static func single(_ bytes: [UInt8]) -> UInt32? {
    guard let first = bytes.first, bytes.count <= 4 else { return nil }
    if first < 0x80 { return bytes.count == 1 ? UInt32(first) : nil }
    return bytes.withUnsafeBufferPointer { buffer in
      let step = UTF8Decoding.step(buffer.baseAddress!, from: 0, to: bytes.count)
      guard case .scalar(let value, let length) = step, length == bytes.count else { return nil }
      return value
    }
  }

  /// The bytes, as first bytes of characters, that text with them would lose.
  var missingBytes: [UInt8] {
    if unknown >= 0 || fallbacks.count == 256 && !fallbacks.contains(-1) { return [] }
    if isByteLevel { return (0...255).filter { byteTokens[Int($0)] < 0 } }
    return (0...255).filter { $0 >= 0x80 || flatScalars[Int($0)] < 0 }
  }

  /// The id of a pre-token that is a token and is to be taken as it is.
  func whole(_ preToken: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard let index else { return nil }
    if let spaceCharacter, preToken.contains(0x20) {
      let replaced = preToken.flatMap { $0 == 0x20 ? spaceCharacter : [$0] }
      return index.id(of: replaced, in: tokens)
    }
    return index.id(of: preToken, in: tokens)
  }

  /// Appends the tokens of the units of a pre-token to `output`.
  func appendUnits(of preToken: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) {
    guard let base = preToken.baseAddress else { return }
    if hasAllBytes {
      for byte in preToken { output.append(byteTokens[Int(byte)]) }
      return
    }
    var isPending = false
    var position = 0
    while position < preToken.count {
      let start = position
      let id: Int32
      var fallback: [UInt8]?
      if isByteLevel {
        id = byteTokens[Int(base[position])]
        position += 1
        if id < 0, !fallbacks.isEmpty {
          fallback = ByteAlphabet.encode([base[start]])
        }
      } else {
        (id, position) = scalarToken(base, at: position, to: preToken.count)
        if id < 0, !fallbacks.isEmpty {
          let isSpace = base[start] == 0x20
          fallback = (isSpace ? spaceCharacter : nil) ?? Array(preToken[start..<position])
        }
      }
      if id >= 0 {
        if isPending { output.append(unknown) }
        isPending = false
        output.append(id)
      } else if let ids = fallback?.map({ fallbacks[Int($0)] }), !ids.contains(-1) {
        output.append(contentsOf: ids)
      } else if unknown >= 0 {
        if isPending, !fusesUnknown { output.append(unknown) }
        isPending = true
      }
    }
    if isPending { output.append(unknown) }
  }

  /// The token of the character at `position`, -1 if it has none, and the place after it.
  private func scalarToken(
    _ text: UnsafePointer<UInt8>, at position: Int, to end: Int
  ) -> (Int32, Int) {
    if text[position] < 0x80 { return (flatScalars[Int(text[position])], position + 1) }
    switch UTF8Decoding.step(text, from: position, to: end) {
    case .scalar(let value, let length):
      let id = value < Self.flatCount ? flatScalars[Int(value)] : otherScalars[value] ?? -1
      return (id, position + length)
    case .invalid(let length), .incomplete(let length):
      return (-1, position + length)
    }
  }
}
