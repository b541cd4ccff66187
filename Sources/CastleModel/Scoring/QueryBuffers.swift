import CastleOperations
import CastleTensors

/// Memory for the rows that are asked about, and what is read from their logits.
final class QueryBuffers {
  /// The most queries at a time.
  let rowCount: Int
  /// The normalized output of the decoder for each query, (queries, hidden size).
  let normed: Matrix

  private let backend: any Backend
  private let places: IndexMatrix
  private let targets: IndexMatrix
  private let losses: Matrix
  private let width: Int
  private let copiedRows: Int
  private lazy var copied = [Float](repeating: 0, count: copiedRows * width)

  init(_ model: LanguageModel, rowCount: Int) {
    backend = model.backend
    self.rowCount = rowCount
    width = model.configuration.vocabularySize
    copiedRows = Self.copiedRows(model.configuration, rowCount: rowCount)
    normed = backend.allocate(
      Float.self, rowCount: rowCount, columnCount: model.configuration.hiddenSize)
    places = backend.allocate(Int32.self, rowCount: 1, columnCount: rowCount)
    targets = backend.allocate(Int32.self, rowCount: 1, columnCount: rowCount)
    losses = backend.allocate(Float.self, rowCount: 1, columnCount: rowCount)
  }

  /// The rows of logits, of `rowCount`, that are copied to the host at a time: at most 4 MB, but one at
  /// least.
  static func copiedRows(_ configuration: ModelConfiguration, rowCount: Int) -> Int {
    min(rowCount, max(1, (1 << 20) / configuration.vocabularySize))
  }

  /// Brings the rows of `source` that `queries` ask about to the front of ``normed``, in their order.
  func gather(_ queries: ArraySlice<TokenQuery>, from source: Matrix) {
    let columns = 0..<queries.count
    upload(queries.map { Int32(truncatingIfNeeded: $0.place) }, to: places.columns(columns))
    upload(queries.map(\.token), to: targets.columns(columns))
    backend.embed(places.columns(columns), table: .float32(source), into: normed.rows(columns))
  }

  /// The scores of `queries`, which are the gathered ones of `rows`, from their logits.
  func scores(
    of queries: ArraySlice<TokenQuery>, _ logits: Matrix, rows: Range<Int>, alternatives: Int
  ) -> [TokenScore] {
    let losses = losses.columns(rows)
    _ = backend.crossEntropy(logits, targets: targets.columns(rows), losses: losses)
    var values = [Float](repeating: 0, count: rows.count)
    values.withUnsafeMutableBufferPointer { backend.download(losses, to: $0) }
    var scores = zip(queries, values).map { query, loss in
      TokenScore(token: query.token, logProbability: -loss)
    }
    guard alternatives > 0 else { return scores }
    for start in stride(from: 0, to: rows.count, by: copiedRows) {
      let part = start..<min(start + copiedRows, rows.count)
      copied.withUnsafeMutableBufferPointer { buffer in
        let used = UnsafeMutableBufferPointer(rebasing: buffer[..<(part.count * width)])
        backend.download(logits.rows(part), to: used)
        for row in part {
          let first = (row - part.lowerBound) * width
          let logits = UnsafeBufferPointer(rebasing: used[first..<(first + width)])
          scores[row].alternatives = Self.best(alternatives, of: logits, beside: scores[row])
        }
      }
    }
    return scores
  }

  /// The `count` largest of `logits` with their log-probabilities. The known token says what to subtract.
  private static func best(
    _ count: Int, of logits: UnsafeBufferPointer<Float>, beside known: TokenScore
  ) -> [TokenScore.Alternative] {
    let logSum = logits[Int(known.token)] - known.logProbability
    var best: [(id: Int, logit: Float)] = []
    best.reserveCapacity(count + 1)
    for (id, logit) in logits.enumerated() where best.count < count || logit > best[count - 1].logit {
      let place = best.firstIndex { $0.logit < logit } ?? best.count
      best.insert((id, logit), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map {
      TokenScore.Alternative(token: Int32($0.id), logProbability: $0.logit - logSum)
    }
  }

  private func upload(_ values: [Int32], to target: IndexMatrix) {
    values.withUnsafeBufferPointer { backend.upload($0, to: target) }
  }
}
