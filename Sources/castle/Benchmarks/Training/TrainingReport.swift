import CastleModel
import CastleOperations
import CastleTraining

/// What `castle benchmark training` measured; times are medians, in seconds.
struct TrainingReport: Encodable {
  /// A part of the step in one phase.
  struct Row: Encodable {
    var part: StepPart
    var phase: StepPhase
    var seconds: Double
    /// What this run's ceilings allow: operations over the matrix-product rate plus bytes over the copy bandwidth.
    var floorSeconds: Double
    /// Floor over time.
    var shareOfCeiling: Double
    /// Time over that of the step.
    var shareOfStep: Double
  }

  /// Bytes.
  struct Memory: Encodable {
    var peak: Int
    var weights: Int
    var gradients: Int
    var moments: Int
    var activations: Int
    var program: Int
    var planned: Int
  }

  var backend: String
  var parameters: Int
  var nonEmbeddingParameters: Int
  var batchSize: Int
  var length: Int
  var accumulation: Int
  var recomputes: Bool
  var repetitions: Int
  /// Operations per second of a large matrix product.
  var productRate: Double
  /// Bytes per second of copying, read and written.
  var copyBandwidth: Double
  var rows: [Row]
  var sumOfPartsSeconds: Double
  /// The step less its parts.
  var otherSeconds: Double
  /// The step while nothing in it was timed.
  var stepSeconds: Double
  /// The fastest such step.
  var bestStepSeconds: Double
  /// The step while every operation was timed.
  var splitStepSeconds: Double
  /// The useful operations of a step over the matrix-product rate.
  var stepFloorSeconds: Double
  /// Floor over time of a step where the floor is by the matrix-product rate just before and after that step; the median.
  /// On a machine that others use too, it compares like with like.
  var shareOfRateAroundStep: Double
  var operationsPerStep: Double
  var tokensPerSecond: Double
  /// The share of the step that is neither matrix product nor attention.
  var remainderShare: Double
  var memory: Memory

  init(
    configuration: TrainingConfiguration, model: ModelConfiguration, backend: String,
    ceilings: MachineCeilings, times: [[PartTime.Key: PartTime]], wholeSeconds: [Double],
    ratesAround: [[Double]], splitSeconds: [Double], memory: PlannedMemory, peakMemory: Int
  ) {
    let settings = configuration.training
    self.backend = backend
    parameters = model.parameterCount
    let tables = model.tiesEmbeddings ? 1 : 2
    nonEmbeddingParameters = parameters - tables * model.vocabularySize * model.modelSize
    batchSize = settings.batchSize
    length = settings.length
    accumulation = settings.accumulation
    recomputes = settings.recomputes
    repetitions = wholeSeconds.count
    productRate = ceilings.productRate
    copyBandwidth = ceilings.copyBandwidth

    let step = wholeSeconds.median
    rows = Self.rows(times, step: step, ceilings: ceilings)
    sumOfPartsSeconds = rows.reduce(0) { $0 + $1.seconds }
    otherSeconds = step - sumOfPartsSeconds
    stepSeconds = step
    bestStepSeconds = wholeSeconds.min() ?? step
    splitStepSeconds = splitSeconds.median
    let windows = Double(settings.batchSize * settings.accumulation)
    operationsPerStep = StepWork(model, length: settings.length).operations * windows
    stepFloorSeconds = operationsPerStep / ceilings.productRate
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
    _ times: [[PartTime.Key: PartTime]], step: Double, ceilings: MachineCeilings
  ) -> [Row] {
    var rows: [Row] = []
    for part in StepPart.allCases {
      for phase in StepPhase.allCases {
        let samples = times.compactMap { $0[.init(part: part, phase: phase)] }
        guard let work = samples.first else { continue }
        let seconds = samples.map(\.seconds).median
        let floor = work.operations / ceilings.productRate + work.bytes / ceilings.copyBandwidth
        rows.append(
          Row(
            part: part, phase: phase, seconds: seconds, floorSeconds: floor,
            shareOfCeiling: floor / max(seconds, 1e-12), shareOfStep: seconds / step))
      }
    }
    return rows
  }
}
