import CastleOperations
import CastleTensors

/// One matrix in one format, in as many copies as keep it out of the caches, and the times of its products.
final class WeightSubject {
  private let copies: [PackedWeight]
  private let error: Double
  private let inputs: [Matrix]
  private let outputs: [Matrix]
  private var times: [[Double]]

  init(weight: PackedWeight, error: Double, inputs: [Matrix], outputs: [Matrix]) {
    let count = max(1, WeightBenchmark.bytesInTurn / weight.byteCount)
    copies = [weight] + (1..<count).map { _ in weight.copy() }
    self.error = error
    self.inputs = inputs
    self.outputs = outputs
    times = inputs.map { _ in [] }
  }

  /// Times a product of every number of rows.
  func time(on backend: CPUBackend, isCounted: Bool) {
    for (index, x) in inputs.enumerated() {
      let elapsed = ContinuousClock().measure {
        for weight in copies { backend.multiply(x, by: weight, into: outputs[index]) }
      }
      if isCounted { times[index].append(elapsed / .seconds(1) / Double(copies.count)) }
    }
  }

  /// The lines of this subject, still without bounds.
  func rows(threads: Int) -> [WeightBenchmark.Row] {
    inputs.indices.map { index in
      WeightBenchmark.Row(
        outputs: copies[0].rowCount, inputs: copies[0].columnCount, format: copies[0].format.rawValue,
        rows: inputs[index].rowCount, threads: threads, seconds: times[index].min() ?? .infinity,
        medianSeconds: times[index].median, boundSeconds: 0, bytes: copies[0].byteCount, shareOfPeak: 0,
        weightError: error)
    }
  }
}

extension PackedWeight {
  /// The same weights in memory of their own.
  fileprivate func copy() -> PackedWeight {
    func copy(_ bytes: UnsafeRawBufferPointer) -> Buffer {
      let buffer = Buffer.host(byteCount: bytes.count)
      UnsafeMutableRawBufferPointer(start: buffer.address, count: bytes.count).copyMemory(from: bytes)
      return buffer
    }
    let copy = PackedWeight(
      format: format, rowCount: rowCount, columnCount: columnCount, values: copy(values),
      scales: format.isQuantized ? copy(scales) : nil)
    guard let copy else { preconditionFailure("weights do not fit their own memory") }
    return copy
  }
}
