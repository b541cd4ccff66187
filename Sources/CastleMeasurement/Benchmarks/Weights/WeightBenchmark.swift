package import CastleOperations
import CastleTensors

/// Times products of a few rows with weights in every format, against reading the same bytes.
package struct WeightBenchmark {
  /// The outputs and inputs of a matrix of weights.
  package struct Size: Sendable, Hashable, Encodable {
    package var outputs: Int
    package var inputs: Int

    package init(outputs: Int, inputs: Int) {
      self.outputs = outputs
      self.inputs = inputs
    }
  }

  /// One line of the result: the times of a product, and its roofline bound.
  package struct Row: Encodable {
    package var outputs: Int
    package var inputs: Int
    package var format: String
    /// The rows of x.
    package var rows: Int
    package var threads: Int
    /// The best and the median time of a product.
    package var seconds: Double
    package var medianSeconds: Double
    /// Bytes of the weights over the measured read bandwidth: no product of weights in memory takes less.
    package var boundSeconds: Double
    /// Bytes of the weights, with scales.
    package var bytes: Int
    /// The bound over the best time.
    package var shareOfPeak: Double
    /// How far the weights are from those in single precision, as a relative root mean square.
    package var weightError: Double
  }

  /// The result.
  package struct Report: Encodable {
    package var backend: String
    package var readBandwidth: Double
    package var rows: [Row]
  }

  package let backend: CPUBackend
  package let sizes: [Size]
  package let formats: [WeightFormat]
  /// Numbers of rows of x.
  package let rows: [Int]
  package let repetitions: Int

  /// Bundles the parts.
  package init(
    backend: CPUBackend, sizes: [Size], formats: [WeightFormat], rows: [Int], repetitions: Int
  ) {
    self.backend = backend
    self.sizes = sizes
    self.formats = formats
    self.rows = rows
    self.repetitions = repetitions
  }

  /// Copies of a matrix take turns until this many bytes were read, so that weights come from memory.
  package static let bytesInTurn = 96 << 20

  /// Throws if a product is wrong.
  package func run() throws -> Report {
    var bandwidth = 0.0
    var result: [Row] = []
    for size in sizes {
      let subjects = try makeSubjects(size)
      let memory = backend.allocate(
        Float.self, rowCount: 1, columnCount: Self.bytesInTurn / MemoryLayout<Float>.stride)
      backend.fill(memory, with: 1)
      // Everything takes turns, so that a slow moment of the machine does not fall on one format alone.
      for repetition in 0...repetitions {
        let seconds = time { _ = backend.sumOfWords(memory) }
        if repetition > 0 { bandwidth = max(bandwidth, Double(Self.bytesInTurn) / seconds) }
        for subject in subjects { subject.time(on: backend, isCounted: repetition > 0) }
      }
      result += subjects.flatMap { $0.rows(threads: backend.pool.threadCount) }
    }
    for index in result.indices {
      result[index].boundSeconds = Double(result[index].bytes) / bandwidth
      result[index].shareOfPeak = result[index].boundSeconds / result[index].seconds
    }
    return Report(backend: backend.summary, readBandwidth: bandwidth, rows: result)
  }

  private func makeSubjects(_ size: Size) throws -> [WeightSubject] {
    var source = RandomSource(seed: 1)
    let matrix = backend.allocate(Float.self, rowCount: size.outputs, columnCount: size.inputs)
    // Rows beyond some are repeated: normal numbers take longer than all that is timed.
    let distinct = min(matrix.count, 1 << 20)
    for i in 0..<distinct { matrix.hostAddress[i] = 0.02 * source.nextNormal() }
    for i in distinct..<matrix.count { matrix.hostAddress[i] = matrix.hostAddress[i - distinct] }
    let most = rows.max() ?? 1
    let x = backend.allocate(Float.self, rowCount: most, columnCount: size.inputs)
    for i in 0..<x.count { x.hostAddress[i] = source.nextNormal() }
    let y = backend.allocate(Float.self, rowCount: most, columnCount: size.outputs)
    return try formats.map { format in
      let weight = PackedWeight(matrix, format: format, on: backend)
      try WeightCheck(weight: weight, backend: backend).run(x, into: y)
      return WeightSubject(
        weight: weight, error: weight.error(from: matrix).relative,
        inputs: rows.map { x.rows(0..<$0) }, outputs: rows.map { y.rows(0..<$0) })
    }
  }

  private func time(_ body: () -> Void) -> Double { ContinuousClock().measure(body) / .seconds(1) }
}
