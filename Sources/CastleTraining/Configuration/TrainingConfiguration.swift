public import CastleCorpus

/// Everything that decides a training run.
///
/// It is read from YAML, changed by overrides such as `training.steps=500`, and written into the run's folder
/// as it took effect. ``entries`` lists every key with its value and meaning.
public struct TrainingConfiguration: ConfigurationSection {
  /// The folder of the run.
  public var output = ""
  /// What initial weights, data order and samples are made from.
  public var seed: UInt64 = 1
  /// The model to train.
  public var model = ModelSettings()
  /// The text to train on.
  public var data = DataSettings()
  /// The length of the run and the size of its steps.
  public var training = StepSettings()
  /// AdamW.
  public var optimizer = OptimizerSettings()
  /// The learning rate over the run.
  public var schedule = ScheduleSettings()
  /// Validation.
  public var evaluation = EvaluationSettings()
  /// Saving.
  public var checkpoints = CheckpointSettings()
  /// Text written during training.
  public var samples = SampleSettings()

  /// The default settings.
  public init() {}

  /// The top level of the configuration file.
  public static var settings: [Setting<Self>] {
    [
      Setting("output", \.output, "folder of the run"),
      Setting("seed", \.seed, "makes the initial weights, the order of the data and the samples"),
      Setting(section: "model", \.model),
      Setting(section: "data", \.data),
      Setting(section: "training", \.training),
      Setting(section: "optimizer", \.optimizer),
      Setting(section: "schedule", \.schedule),
      Setting(section: "evaluation", \.evaluation),
      Setting(section: "checkpoints", \.checkpoints),
      Setting(section: "samples", \.samples),
    ]
  }

  /// Every key with its value and meaning.
  public var entries: [SettingEntry] { entries(under: "") }

  /// The number of tokens of one step.
  public var tokensPerStep: Int { training.batchSize * training.sequenceLength * training.accumulation }

  /// The number of steps that the learning rate rises.
  public var warmUpSteps: Int { schedule.warmUp ?? min(100, training.steps / 10) }

  /// The learning rate over the run, as a factor of its peak.
  public var learningRateSchedule: LearningRateSchedule {
    LearningRateSchedule(
      kind: schedule.kind, steps: training.steps, warmUpSteps: warmUpSteps,
      decaySteps: schedule.decay, floor: schedule.floor)
  }
}

/// The text to train on: shards made by `castle prepare`, or the tokens of llm.c or nanoGPT.
public struct DataSettings: ConfigurationSection {
  /// The folder of the shards and of their tokenizer.
  public var shards = ""
  /// The tokenizer of a folder without a manifest; nil for the one in the folder.
  public var tokenizer: String?
  /// How wide the tokens of files without a header are; nil for 16 bits.
  public var width: TokenWidth?
  /// Whether attention stops at the end of a document.
  public var separatesDocuments = true

  /// The default settings.
  public init() {}

  /// The section `data`.
  public static var settings: [Setting<Self>] {
    [
      Setting("shards", \.shards, "folder made by castle prepare, or of llm.c's or nanoGPT's .bin files"),
      Setting(
        "tokenizer", \.tokenizer,
        "tokenizer.json of a folder that castle prepare has not made; null: the one in the folder"),
      Setting(
        "dtype", \.width, "type of the tokens in .bin files without a header; null: uint16, as nanoGPT writes"
      ),
      Setting(
        "separates-documents", \.separatesDocuments,
        "attention sees nothing of the document before in the same sequence"),
    ]
  }
}

/// The length of the run and the size of its steps.
public struct StepSettings: ConfigurationSection {
  /// The number of optimizer steps.
  public var steps = 1000
  /// The number of sequences that are computed at a time.
  public var batchSize = 8
  /// The number of such batches whose gradients one step adds up.
  public var accumulation = 1
  /// The number of tokens of a sequence.
  public var sequenceLength = 512
  /// Whether the backward pass computes activations again instead of keeping them.
  public var recomputes = false
  /// The largest norm of the whole gradient; 0 does not limit it.
  public var clip = 1.0
  /// Steps whose loss or gradient norm lies this many standard deviations above the recent mean are left out;
  /// 0 leaves out none.
  public var skipSpikes = 0.0
  /// Whether a run that the free memory does not hold is refused; otherwise it is only said.
  public var checksMemory = true

  /// The default settings.
  public init() {}

  /// The number of tokens of the run; nil if it is too large to be counted.
  var tokens: Int? {
    [batchSize, accumulation, sequenceLength].reduce(Optional(steps)) { product, factor in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: factor), !overflow else {
        return nil
      }
      return value
    }
  }

  /// The section `training`.
  public static var settings: [Setting<Self>] {
    [
      Setting("steps", \.steps, "optimizer steps of the run", .within(1...1_000_000_000)),
      Setting("batch-size", \.batchSize, "sequences computed at a time", .within(1...65_536)),
      Setting(
        "accumulation", \.accumulation, "batches whose gradients one step adds up",
        .within(1...65_536)),
      Setting("sequence-length", \.sequenceLength, "tokens of a sequence", .within(2...1_048_576)),
      Setting(
        "recompute", \.recomputes,
        "compute activations again in the backward pass: a third more work, far less memory"),
      Setting(
        "clip", \.clip, "largest norm of the gradient; a longer one is shortened; 0: no limit",
        .atLeast(0)),
      Setting(
        "skip-spikes", \.skipSpikes,
        "leave out updates whose loss or gradient norm is this many standard deviations above the last 128; 0: none",
        .atLeast(0)),
      Setting(
        "check-memory", \.checksMemory,
        "refuse a run that needs more memory than is free; false: only say so"),
    ]
  }
}

/// AdamW (Loshchilov and Hutter, 2019). Weights decay in matrices, the embedding included, and not in the
/// weights of the norms.
public struct OptimizerSettings: ConfigurationSection {
  /// The peak learning rate.
  public var learningRate = 1e-3
  /// Factors of the learning rate by group of weights.
  public var factors = LearningRateFactors()
  /// The decay of the first moment.
  public var beta1 = 0.9
  /// The decay of the second moment.
  public var beta2 = 0.95
  /// What is added to the root of the second moment.
  public var epsilon = 1e-8
  /// How much the weights of matrices shrink per step, relative to the learning rate.
  public var weightDecay = 0.1

  /// The default settings.
  public init() {}

  /// The section `optimizer`.
  public static var settings: [Setting<Self>] {
    [
      Setting("learning-rate", \.learningRate, "peak learning rate", .positive),
      Setting(section: "learning-rate-factors", \.factors),
      Setting("beta1", \.beta1, "decay of the first moment", .belowOne),
      Setting("beta2", \.beta2, "decay of the second moment", .belowOne),
      Setting("epsilon", \.epsilon, "added to the root of the second moment", .positive),
      Setting(
        "weight-decay", \.weightDecay, "decay of matrices, the embedding included, not of norms",
        .atLeast(0)),
    ]
  }
}

/// Factors of the learning rate by group of weights.
public struct LearningRateFactors: ConfigurationSection {
  /// The token embedding, and the output head where it is not tied to it.
  public var embeddings = 1.0
  /// The projections of attention.
  public var attention = 1.0
  /// The matrices of the MLP.
  public var mlp = 1.0
  /// The weights of the norms.
  public var norms = 1.0

  /// Equal rates.
  public init() {}

  /// The section `optimizer.learning-rate-factors`.
  public static var settings: [Setting<Self>] {
    [
      Setting("embeddings", \.embeddings, "of the token embedding and the output head", .atLeast(0)),
      Setting("attention", \.attention, "of the projections of attention", .atLeast(0)),
      Setting("mlp", \.mlp, "of the matrices of the MLP", .atLeast(0)),
      Setting("norms", \.norms, "of the weights of the norms", .atLeast(0)),
    ]
  }
}

/// The learning rate over the run.
public struct ScheduleSettings: ConfigurationSection {
  /// What comes after the warm-up.
  public var kind = LearningRateSchedule.Kind.cosine
  /// The number of steps that the rate rises; nil for a tenth of the run, at most 100.
  public var warmUp: Int?
  /// The number of steps at the end that the rate falls, for warm-up-stable-decay.
  public var decay = 0
  /// The last learning rate relative to the peak.
  public var floor = 0.1

  /// The default settings.
  public init() {}

  /// The section `schedule`.
  public static var settings: [Setting<Self>] {
    [
      Setting("kind", \.kind, LearningRateSchedule.Kind.expectation),
      Setting(
        "warm-up", \.warmUp,
        "steps over which the rate rises to its peak; null: a tenth of the run, at most 100",
        .ifPresent(.atLeast(0))),
      Setting(
        "decay", \.decay, "steps at the end over which warm-up-stable-decay falls to the floor",
        .atLeast(0)),
      Setting("floor", \.floor, "last learning rate relative to the peak", .within(0...1)),
    ]
  }
}
