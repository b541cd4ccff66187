import CastleOperations
import CastleTensors

/// The output head and the loss, over a few rows at a time: the logits of a batch are never all in memory.
struct OutputHead {
  let backend: any Backend
  /// (vocabulary, hidden size).
  let weight: Weight

  private let logits: Matrix
  private let losses: Matrix

  /// Memory for `tokenCount` tokens, or for as many rows of logits as the limit allows.
  init(_ model: LanguageModel, tokenCount: Int) {
    backend = model.backend
    weight = model.parameters.head
    logits = backend.allocate(
      Float.self, rowCount: Self.chunkSize(model.configuration, tokenCount: tokenCount),
      columnCount: weight.rowCount)
    losses = backend.allocate(Float.self, rowCount: 1, columnCount: logits.rowCount)
  }

  /// Calls `body` with the logits of some rows of `normed` at a time, and which rows they are.
  func forEachChunk(
    of normed: Matrix, _ body: (_ logits: Matrix, _ rows: Range<Int>) throws -> Void
  ) rethrows {
    for start in stride(from: 0, to: normed.rowCount, by: logits.rowCount) {
      let rows = start..<min(start + logits.rowCount, normed.rowCount)
      let chunk = logits.rows(0..<rows.count)
      backend.multiply(normed.rows(rows), by: weight, into: chunk)
      try body(chunk, rows)
    }
  }

  /// The summed loss of `targets`, one for each row of `normed`.
  func loss(_ normed: Matrix, targets: IndexMatrix) -> DeviceScalar {
    var sum = DeviceScalar(0)
    forEachChunk(of: normed) { logits, rows in
      sum += backend.crossEntropy(
        logits, targets: targets.columns(rows), losses: losses.columns(0..<rows.count))
    }
    return sum
  }

  /// As ``loss(_:targets:)``; the gradient times `scale` goes to `dNormed` and is added to `dWeight`.
  /// `weight` is that of the head, in the arena.
  func lossAndGradients(
    _ normed: Matrix, targets: IndexMatrix, scale: Float, weight: Matrix, dNormed: Matrix, dWeight: Matrix
  ) -> DeviceScalar {
    var sum = DeviceScalar(0)
    forEachChunk(of: normed) { logits, rows in
      sum += backend.crossEntropy(
        logits, targets: targets.columns(rows), gradientScale: scale,
        losses: losses.columns(0..<rows.count))
      backend.multiply(
        logits, transposed: false, weight, transposed: false, alpha: 1, beta: 0, into: dNormed.rows(rows))
      backend.multiply(
        logits, transposed: true, normed.rows(rows), transposed: false, alpha: 1, beta: 1, into: dWeight)
    }
    return sum
  }

  /// The rows of logits in memory at a time: 32 MB of them; up to 512 rows, whatever the vocabulary, if those
  /// take no more than 128 MB. Every chunk reads the whole head twice and its gradient once.
  static func chunkSize(_ configuration: ModelConfiguration, tokenCount: Int) -> Int {
    func rows(megabytes: Int) -> Int { (megabytes << 18) / configuration.vocabularySize }
    let count = max(rows(megabytes: 32), min(512, rows(megabytes: 128)))
    return max(1, min(tokenCount, max(64, count / 64 * 64)))
  }
}
