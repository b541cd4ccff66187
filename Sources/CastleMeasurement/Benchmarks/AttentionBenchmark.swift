package import CastleAttention
package import CastleOperations
import CastleTensors

/// Times attention passes of one length side by side.
package struct AttentionBenchmark {
  /// What is timed.
  package enum Pass: String, CaseIterable, Encodable {
    case forward
    case forwardBackward = "forward+backward"
    case prefill
    case chunkedPrefill = "chunked-prefill"
    case decode
  }

  /// One line of the result.
  package struct Row: Encodable {
    package var mechanism: String
    package var heads: Int
    package var length: Int
    package var headSize: Int
    package var pass: Pass
    package var threads: Int
    /// The best and the median time of a call.
    package var seconds: Double
    package var medianSeconds: Double
    /// What the roofline allows: operations at the peak product rate, or for decoding bytes at the bandwidth
    /// of copies that take as much memory as the cache.
    package var boundSeconds: Double
    /// Floating-point operations, or bytes for decoding.
    package var work: Double
    /// The share of the peak: bound over best time.
    package var shareOfPeak: Double
    /// Scratch memory, and for passes with a backward the final lookahead keys, in bytes.
    package var extraBytes: Int
    /// The time over that of causal attention in the same round, the median of all rounds, if that was
    /// measured too: of a call, and of a head.
    package var timeOverCausal: Double?
    package var timePerHeadOverCausal: Double?
  }

  package let subjects: [(name: String, mechanism: Mechanism, heads: Int)]
  package let length: Int
  package let headSize: Int
  package let passes: [Pass]
  package let repetitions: Int
  package let backend: CPUBackend
  package let peaks: MachinePeaks

  /// Bundles the parts.
  package init(
    subjects: [(name: String, mechanism: Mechanism, heads: Int)], length: Int, headSize: Int, passes: [Pass],
    repetitions: Int, backend: CPUBackend, peaks: MachinePeaks
  ) {
    self.subjects = subjects
    self.length = length
    self.headSize = headSize
    self.passes = passes
    self.repetitions = repetitions
    self.backend = backend
    self.peaks = peaks
  }

  private var pool: ThreadPool { backend.pool }

  package func run() -> [Row] {
    var times: [[[Double]]] = subjects.map { _ in passes.map { _ in [] } }
    var extra = subjects.map { _ in passes.map { _ in 0 } }
    let problems = subjects.map {
      AttentionProblem<Float>(
        .init(queryHeads: $0.heads, kvHeads: $0.heads, length: length, headSize: headSize), seed: 1)
    }
    let workspaces = subjects.map { _ in passes.map { _ in AttentionWorkspace() } }
    // Mechanisms take turns, so that a slow moment of the machine does not fall on one of them alone.
    for repetition in 0...repetitions {
      for (p, pass) in passes.enumerated() {
        for (s, subject) in subjects.enumerated() {
          let (seconds, bytes) = time(pass, subject.mechanism, problems[s], workspaces[s][p])
          if repetition > 0 { times[s][p].append(seconds) }
          extra[s][p] = bytes
        }
      }
    }
    let causal = subjects.firstIndex { $0.mechanism == .causal }
    return subjects.indices.flatMap { s in
      passes.indices.map { p in
        var row = row(subjects[s], passes[p], times: times[s][p], extraBytes: extra[s][p])
        if let causal {
          let ratio = zip(times[s][p], times[causal][p]).map { $0 / $1 }.median
          row.timeOverCausal = ratio
          row.timePerHeadOverCausal = ratio * Double(subjects[causal].heads) / Double(subjects[s].heads)
        }
        return row
      }
    }
  }

  private func row(
    _ subject: (name: String, mechanism: Mechanism, heads: Int), _ pass: Pass, times: [Double],
    extraBytes: Int
  ) -> Row {
    let work = AttentionWork(
      mechanism: subject.mechanism, heads: subject.heads, length: length, headSize: headSize)
    let amount: Double =
      switch pass {
      case .forward, .prefill, .chunkedPrefill: work.forwardOperations
      case .forwardBackward: work.forwardOperations + work.backwardOperations
      case .decode: work.decodingBytes
      }
    let best = times.min() ?? .infinity
    let bound = amount / (pass == .decode ? decodingBandwidth(work) : peaks.productRate)
    return Row(
      mechanism: subject.name, heads: subject.heads, length: length, headSize: headSize, pass: pass,
      threads: pool.threadCount, seconds: best, medianSeconds: times.median,
      boundSeconds: bound, work: amount, shareOfPeak: bound / best, extraBytes: extraBytes)
  }

  /// The bandwidth of copies that touch as many bytes as a step of decoding: a small cache fits the
  /// processor's own.
  private func decodingBandwidth(_ work: AttentionWork) -> Double {
    let bytes = min(max(Int(work.decodingBytes) / 2, 1 << 16), 256 << 20)
    return max(
      peaks.copyBandwidth, MachinePeaks.copyBandwidths(backend, byteCount: bytes, repetitions: 6).max() ?? 0)
  }

  /// The time of one call and the memory that it needed beyond inputs, outputs and gradients.
  private func time(
    _ pass: Pass, _ mechanism: Mechanism, _ problem: AttentionProblem<Float>, _ workspace: AttentionWorkspace
  ) -> (seconds: Double, extraBytes: Int) {
    let clock = ContinuousClock()
    let documents = Documents(length: length)
    switch pass {
    case .forward, .forwardBackward:
      let attention = BlockedAttention(mechanism: mechanism, pool: pool, workspace: workspace)
      let elapsed = clock.measure {
        attention.forward(problem.projections, documents: documents, results: problem.results)
        guard pass == .forwardBackward else { return }
        attention.backward(
          problem.dOutput, problem.projections, documents: documents, results: problem.results,
          gradients: problem.gradients)
      }
      let keys =
        mechanism.hasLookahead ? problem.sizes.kvHeads * length * headSize * MemoryLayout<Float>.stride : 0
      return (elapsed / .seconds(1), workspace.byteCount + keys)
    case .prefill, .chunkedPrefill:
      let cache = makeCache(mechanism, problem, extra: 0, workspace)
      let chunk = pass == .prefill ? length : 256
      let elapsed = clock.measure {
        for start in stride(from: 0, to: length, by: chunk) {
          append(start..<min(length, start + chunk), of: problem, to: cache)
        }
      }
      return (elapsed / .seconds(1), workspace.byteCount)
    case .decode:
      let tokens = 16
      let cache = makeCache(mechanism, problem, extra: tokens + 1, workspace)
      append(0..<length, of: problem, to: cache)
      append(0..<1, of: problem, to: cache)
      let elapsed = clock.measure {
        for token in 0..<tokens {
          let place = token % length
          append(place..<place + 1, of: problem, to: cache)
        }
      }
      return (elapsed / .seconds(1) / Double(tokens), workspace.byteCount)
    }
  }

  private func makeCache(
    _ mechanism: Mechanism, _ problem: AttentionProblem<Float>, extra: Int, _ workspace: AttentionWorkspace
  ) -> LookaheadCache {
    let heads = problem.sizes.queryHeads
    return LookaheadCache(
      mechanism: mechanism, queryHeads: heads, kvHeads: heads, headSize: headSize,
      capacity: length + extra, pool: pool, workspace: workspace)
  }

  private func append(_ tokens: Range<Int>, of problem: AttentionProblem<Float>, to cache: LookaheadCache) {
    cache.append(
      problem.projections.tokens(tokens), output: problem.results.output.tokens(tokens))
  }
}
