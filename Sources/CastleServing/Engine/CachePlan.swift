import CastleFormats
import CastleModel
import CastleOperations

/// The memory for caches, planned before the first request.
struct CachePlan: Sendable {
  /// The memory for the caches of all sequences that run, in bytes.
  let plannedBytes: Int

  /// The bytes of each whole panel of tokens, which caches take at a time.
  private let panelBytes: Int

  /// The tokens of a panel of every cache so far: memory is counted in such steps.
  private static let panelTokens = 64

  /// Throws an `InputError` if the memory that `settings` gives does not hold a sequence of one chunk.
  init(_ model: LanguageModel, _ settings: ServingSettings) throws {
    let configuration = model.configuration
    panelBytes =
      configuration.layerCount
      * model.backend.attentionCacheByteCount(
        configuration.heads, mechanism: configuration.mechanism, length: Self.panelTokens)
    let whole = Self.byteCount(configuration.maximumLength, panelBytes)
    switch settings.cacheMemory {
    case .bytes(let bytes): plannedBytes = bytes
    case .sequences(let count):
      let (bytes, overflow) = whole.multipliedReportingOverflow(by: count)
      guard count > 0, !overflow else {
        throw InputError(
          "caches for \(count) sequences of \(whole) bytes are asked for; the number must be at least 1, "
            + "and less than memory holds")
      }
      plannedBytes = bytes
    }
    let least = byteCount(min(settings.chunkSize, configuration.maximumLength))
    guard plannedBytes >= least else {
      throw InputError(
        "\(plannedBytes) bytes are planned for caches, a sequence of \(settings.chunkSize) tokens alone "
          + "takes \(least)"
      )
    }
  }

  /// The bytes that the caches of a sequence of `length` tokens take at most.
  func byteCount(_ length: Int) -> Int { Self.byteCount(length, panelBytes) }

  private static func byteCount(_ length: Int, _ panelBytes: Int) -> Int {
    let (bytes, overflow) = ((length + panelTokens - 1) / panelTokens)
      .multipliedReportingOverflow(by: panelBytes)
    return overflow ? .max : bytes
  }
}

extension ServingSettings {
  /// Throws an `InputError` that names a number out of its range.
  func check() throws {
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
      guard range.contains(value) else {
        throw InputError(
          "\(name) is \(value), it must be \(range.lowerBound) to \(range.upperBound)")
      }
    }
    try check("the most sequences at once", sequenceLimit, 1...4096)
    try check("the prompt tokens of a step", stepTokens, 1...1_048_576)
    try check("the chunk of prompts", chunkSize, 1...8192)
    try check("the queue's length", queueLength, 1...1_048_576)
    try check("the prefix store's memory", prefixBytes, 0...(.max))
  }
}
