import CastleAttention
import CastleFormats
package import CastleModel
package import CastleOperations
import CastleTensors

/// Compares loss and gradients of a small model of one kind with the reference before that kind is timed.
package struct TrainingCheck {
  /// The model that will be timed.
  package let configuration: ModelConfiguration
  package let recomputesActivations: Bool
  package let backend: any Backend

  private static let length = 21
  private static let batch = 2

  /// The same kind of model, small: two layers, few features, one group of heads more than one.
  private var small: ModelConfiguration {
    var small = configuration
    small.vocabularySize = 37
    small.layerCount = 2
    small.hiddenSize = 24
    small.intermediateSize = 40
    let group = configuration.heads.queryHeads / configuration.heads.kvHeads
    let kvHeads = min(2, configuration.heads.kvHeads)
    small.heads = HeadLayout(
      queryHeads: min(group, 3) * kvHeads, kvHeads: kvHeads, headSize: configuration.heads.headSize)
    if case .tokens(let window) = configuration.mechanism.window {
      small.mechanism.window = .tokens(min(window, 8))
    }
    small.beginOfTextID = nil
    small.endOfTextIDs = []
    small.paddingID = nil
    return small
  }

  /// Throws if, for any of three sets of numbers, loss or a gradient is more than twice as far from the
  /// reference in double precision as the reference in single precision is over all sets: how far that one is
  /// off in a single set is a matter of chance.
  package func run() throws {
    let sets = try (1...3).map { seed in try results(seed: UInt64(seed)) }
    for index in sets[0].indices {
      let (naive, truth) = (sets.flatMap { $0[index].naive }, sets.flatMap { $0[index].truth })
      let size = ErrorBudget.Metric.rootMeanSquare.size(of: truth)
      let limit = ErrorBudget(naive, naive: naive, truth: truth, metric: .rootMeanSquare, size: size).limit
      for result in sets.map({ $0[index] }) {
        let error = ErrorBudget(
          result.found, naive: result.naive, truth: result.truth, metric: .rootMeanSquare, size: size
        ).error
        guard error <= limit else {
          throw InputError(
            "a small model of this kind is wrong and is not timed: \(result.name), relative error \(error), "
              + "allowed \(limit)")
        }
      }
    }
  }

  /// One result in three computations.
  private struct Comparison {
    var name: String
    var found: [Float]
    var naive: [Float]
    var truth: [Double]
  }

  private func results(seed: UInt64) throws -> [Comparison] {
    let exact = try gradients(ReferenceBackend<Double>(), seed: seed)
    let naive = try gradients(ReferenceBackend<Float>(), seed: seed)
    let found = try gradients(backend, seed: seed)
    return exact.indices.map {
      Comparison(
        name: exact[$0].name, found: found[$0].numbers, naive: naive[$0].numbers,
        truth: exact[$0].numbers.map(Double.init))
    }
  }

  /// The loss and the gradient of every parameter.
  private func gradients(
    _ backend: any Backend, seed: UInt64
  ) throws -> [(name: String, numbers: [Float])] {
    var source = RandomSource(seed: seed)
    let model = try LanguageModel(small, backend: backend, seed: seed)
    // Larger weights than those of training, so that no part of the model is nearly linear.
    let weights = model.layout.matrices.map { _ in 0.2 * source.nextNormal() }
    weights.withUnsafeBufferPointer {
      backend.upload($0, to: model.weights.columns(model.layout.matrices))
    }
    let pass = try TrainingPass(
      model, batch: Self.batch, length: Self.length, recomputesActivations: recomputesActivations)
    let arena = backend.allocate(Float.self, rowCount: 1, columnCount: model.layout.parameterCount)
    backend.fill(arena, with: 0)
    let count = Self.batch * Self.length
    let tokens = (0...count).map { _ in Int32.random(in: 0..<Int32(small.vocabularySize), using: &source) }
    let loss = try pass.lossAndGradients(
      tokens: Array(tokens.dropLast()), targets: Array(tokens.dropFirst()),
      documents: Documents((0..<Self.batch).map { $0 * Self.length..<($0 + 1) * Self.length }),
      lossScale: 1 / Float(count), into: arena)
    return [("the loss", [Float(loss.value)])]
      + model.layout.entries.map { entry in
        var numbers = [Float](repeating: .nan, count: entry.count)
        numbers.withUnsafeMutableBufferPointer { backend.download(arena.columns(entry.range), to: $0) }
        return ("the gradient of \(entry.name)", numbers)
      }
  }
}
