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

  /// Throws if loss or a gradient is more than twice as far from the reference in double precision as the reference
  /// in single precision is, for each of three sets of numbers: the errors of one set are a matter of chance.
  package func run() throws {
    var excess: String?
    for seed in 1...3 {
      excess = try self.excess(seed: UInt64(seed))
      if excess == nil { return }
    }
    guard let excess else { return }
    throw InputError("a small model of this kind is wrong and is not timed: \(excess)")
  }

  /// The first result that is too far off.
  private func excess(seed: UInt64) throws -> String? {
    let exact = try gradients(ReferenceBackend<Double>(), seed: seed)
    let naive = try gradients(ReferenceBackend<Float>(), seed: seed)
    let found = try gradients(backend, seed: seed)
    for (index, truth) in exact.enumerated() {
      let error = Self.error(found[index].numbers, truth.numbers)
      let budget = 2 * Self.error(naive[index].numbers, truth.numbers) + 4 * Double(Float.ulpOfOne)
      if error > budget { return "\(truth.name), relative error \(error), allowed \(budget)" }
    }
    return nil
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
      sequences: (0..<Self.batch).map { $0 * Self.length..<($0 + 1) * Self.length },
      lossScale: 1 / Float(count), into: arena)
    return [("the loss", [Float(loss)])]
      + model.layout.entries.map { entry in
        var numbers = [Float](repeating: .nan, count: entry.count)
        numbers.withUnsafeMutableBufferPointer { backend.download(arena.columns(entry.range), to: $0) }
        return ("the gradient of \(entry.name)", numbers)
      }
  }

  /// The root of the mean square of the differences, relative to that of `truth`.
  private static func error(_ result: [Float], _ truth: [Float]) -> Double {
    var (differences, squares) = (0.0, 0.0)
    for (a, b) in zip(result, truth) {
      differences += (Double(a) - Double(b)) * (Double(a) - Double(b))
      squares += Double(b) * Double(b)
    }
    let error = (differences / max(squares, 1e-300)).squareRoot()
    return error.isNaN ? .infinity : error
  }
}
