package import CastleOperations
import CastleTensors

/// What this machine can do at best, measured now: the roofline bounds of ``AttentionBenchmark``,
/// ``TrainingReport`` and ``WeightBenchmark`` are stated in these.
package struct MachinePeaks: Sendable, Hashable {
  /// Operations per second of a large matrix product in single precision.
  package var productRate: Double
  /// Bytes per second of copying memory, each byte counted when it is read and when it is written.
  package var copyBandwidth: Double

  /// Measures both on all threads of `backend`.
  package static func measure(_ backend: any Backend) -> MachinePeaks {
    MachinePeaks(
      productRate: productRates(backend, size: 2_048, repetitions: 4).max() ?? 0,
      copyBandwidth: copyBandwidths(backend, byteCount: 256 << 20, repetitions: 6).max() ?? 0)
  }

  /// The rates of products of two `size` × `size` matrices, after one that is not counted.
  package static func productRates(_ backend: any Backend, size: Int, repetitions: Int) -> [Double] {
    let matrices = (0..<3).map { _ in backend.allocate(Float.self, rowCount: size, columnCount: size) }
    for matrix in matrices { backend.fill(matrix, with: 0.5) }
    let operations = 2 * Double(size) * Double(size) * Double(size)
    return timed(backend, repetitions) {
      backend.multiply(
        matrices[0], transposed: false, matrices[1], transposed: false, alpha: 1, beta: 0, into: matrices[2])
    }.map { operations / $0 }
  }

  /// The bandwidths of copying `byteCount` bytes, read and written bytes together, after one copy that is not
  /// counted.
  package static func copyBandwidths(_ backend: any Backend, byteCount: Int, repetitions: Int) -> [Double] {
    let count = byteCount / MemoryLayout<Float>.stride
    let source = backend.allocate(Float.self, rowCount: 1, columnCount: count)
    let target = backend.allocate(Float.self, rowCount: 1, columnCount: count)
    backend.fill(source, with: 1)
    return timed(backend, repetitions) { backend.copy(source, to: target) }
      .map { 2 * Double(count * MemoryLayout<Float>.stride) / $0 }
  }

  /// The bandwidths of reading `byteCount` bytes, after one pass that is not counted.
  package static func readBandwidths(_ backend: CPUBackend, byteCount: Int, repetitions: Int) -> [Double] {
    let count = max(2, byteCount / MemoryLayout<Float>.stride)
    let memory = backend.allocate(Float.self, rowCount: 1, columnCount: count)
    backend.fill(memory, with: 1)
    return timed(backend, repetitions) { _ = backend.sumOfWords(memory) }
      .map { Double(count * MemoryLayout<Float>.stride) / $0 }
  }

  private static func timed(_ backend: any Backend, _ repetitions: Int, _ body: () -> Void) -> [Double] {
    let clock = ContinuousClock()
    body()
    backend.synchronize()
    return (0..<repetitions).map { _ in
      clock.measure {
        body()
        backend.synchronize()
      } / .seconds(1)
    }
  }
}
