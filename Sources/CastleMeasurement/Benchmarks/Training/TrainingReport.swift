package import CastleModel
import CastleOperations
import CastleTensors
package import CastleTraining

/// What `castle benchmark training` measured; times are medians, in seconds.
package struct TrainingReport: Encodable {
  /// A part of the step in one phase.
  package struct Row: Encodable {
    package var part: StepPart
    package var phase: StepPhase
    package var seconds: Double
    /// What the roofline of this run allows: operations over the matrix-product rate plus bytes over the copy
    /// bandwidth.
    package var boundSeconds: Double
    /// Bound over time.
    package var shareOfPeak: Double
    /// Time over that of the step.
    package var shareOfStep: Double
  }

  /// Bytes.
  package struct Memory: Encodable {
    package var peak: Int
    package var weights: Int
    package var gradients: Int
    package var moments: Int
    package var activations: Int
    package var program: Int
    package var planned: Int
  }

  package var backend: String
  package var parameters: Int
  package var nonEmbeddingParameters: Int
  package var batchSize: Int
  package var length: Int
  package var accumulation: Int
  package var recomputes: Bool
  package var repetitions: Int
  /// Operations per second of a large matrix product.
  package var productRate: Double
  /// Bytes per second of copying, read and written.
  package var copyBandwidth: Double
  /// The parts of the step, each with its roofline bound.
  package var rows: [Row]
  package var sumOfPartsSeconds: Double
  /// The step less its parts.
  package var otherSeconds: Double
  /// The step while nothing in it was timed.
  package var stepSeconds: Double
  /// The fastest such step.
  package var bestStepSeconds: Double
  /// The step while every operation was timed.
  package var splitStepSeconds: Double
  /// The useful operations of a step over the matrix-product rate.
  package var stepBoundSeconds: Double
  /// Bound over time of a step where the bound is by the matrix-product rate just before and after that step;
  /// the median. On a machine that others use too, it compares like with like.
  package var shareOfRateAroundStep: Double
  package var operationsPerStep: Double
  package var tokensPerSecond: Double
  /// The share of the step that is neither matrix product nor attention.
  package var remainderShare: Double
  package var memory: Memory

  package init(
    configuration: TrainingConfiguration, model: ModelConfiguration, backend: String,
    peaks: MachinePeaks, times: [[PartTime.Key: PartTime]], wholeSeconds: [Double],
    ratesAround: [[Double]], splitSeconds: [Double], memory: PlannedMemory, peakMemory: Int
  ) {
    let settings = configuration.training
    self.backend = backend
    parameters = model.parameterCount
    let tables = model.tiesEmbeddings ? 1 : 2
    nonEmbeddingParameters = parameters - tables * model.vocabularySize * model.hiddenSize
    batchSize = settings.batchSize
    length = settings.sequenceLength
    accumulation = settings.accumulation
    recomputes = settings.recomputes
    repetitions = wholeSeconds.count
    productRate = peaks.productRate
    copyBandwidth = peaks.copyBandwidth

    let step = wholeSeconds.median
    rows = Self.rows(times, step: step, peaks: peaks)
    sumOfPartsSeconds = rows.reduce(0) { $0 + $1.seconds }
    otherSeconds = step - sumOfPartsSeconds
    stepSeconds = step
    bestStepSeconds = wholeSeconds.min() ?? step
    splitStepSeconds = splitSeconds.median
    let sequences = Double(settings.batchSize * settings.accumulation)
    operationsPerStep = StepWork(model, length: settings.sequenceLength).operations * sequences
    stepBoundSeconds = operationsPerStep / peaks.productRate
    let operations = operationsPerStep
    shareOfRateAroundStep =
      zip(wholeSeconds, ratesAround).map { seconds, rates in
        operations / (rates.reduce(0, +) / Double(rates.count)) / seconds
      }.median
    tokensPerSecond = Double(configuration.tokensPerStep) / step
    remainderShare = zip(times, splitSeconds).map(Self.remainder).median
    self.memory = Memory(
      peak: peakMemory, weights: memory.weights, gradients: memory.gradients, moments: memory.moments,
      activations: memory.activations, program: memory.program,
      planned: memory.total)
  }

  /// The share of one step that is neither matrix product nor attention.
  private static func remainder(_ times: [PartTime.Key: PartTime], of step: Double) -> Double {
    let heavy = times.filter { $0.key.part.isMatrixProduct || $0.key.part == .attention }
    return 1 - heavy.values.reduce(0) { $0 + $1.seconds } / step
  }

  private static func rows(
    _ times: [[PartTime.Key: PartTime]], step: Double, peaks: MachinePeaks
  ) -> [Row] {
    var rows: [Row] = []
    for part in StepPart.allCases {
      for phase in StepPhase.allCases {
        let samples = times.compactMap { $0[.init(part: part, phase: phase)] }
        guard let work = samples.first else { continue }
        let seconds = samples.map(\.seconds).median
        let bound = work.operations / peaks.productRate + work.bytes / peaks.copyBandwidth
        rows.append(
          Row(
            part: part, phase: phase, seconds: seconds, boundSeconds: bound,
            shareOfPeak: bound / max(seconds, 1e-12), shareOfStep: seconds / step))
      }
    }
    return rows
  }
}
