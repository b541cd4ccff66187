package import CastleModel
package import CastleOperations
package import CastleTensors

/// AdamW over a model's parameters, in groups that share weight decay and learning rate.
///
/// Matrices decay, the token embedding included: it is shared with the output head in the published models.
/// The weights of norms do not decay.
///
/// An optimizer may own some ranges of the parameters only: its moments take memory for these alone, and it
/// moves no other weights. What several optimizers do whose ranges cover all parameters is what one optimizer
/// of all of them does, bit for bit.
package final class Optimizer {
  /// Neighboring parameters that are updated by one call.
  private struct Group {
    /// Where they lie in the arenas.
    var range: Range<Int>
    /// Where their moments lie.
    var moments: Range<Int>
    var decays: Bool
    var factor: Double
  }

  /// The parameters that are updated: ranges of the arenas of weights and gradients, in order.
  package let ranges: [Range<Int>]
  /// The mean of the gradients, (1, parameters of ``ranges``).
  let firstMoments: Matrix
  /// The mean of their squares, (1, parameters of ``ranges``).
  let secondMoments: Matrix

  private let groups: [Group]
  private let settings: OptimizerSettings
  private let backend: any Backend

  /// An optimizer that has seen no gradients, of the parameters of `ranges` or of all. Traps if ranges are
  /// not in order, or overlap.
  package init(
    layout: ParameterLayout, settings: OptimizerSettings, backend: any Backend, ranges: [Range<Int>]? = nil
  ) {
    let ranges = (ranges ?? [0..<layout.parameterCount]).filter { !$0.isEmpty }
    precondition(ranges.allSatisfy { (0..<layout.parameterCount).contains($0) }, "parameters \(ranges)")
    precondition(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
    self.ranges = ranges
    self.settings = settings
    self.backend = backend
    let whole = Self.groups(layout, settings.factors)
    var count = 0
    groups = ranges.flatMap { range in
      whole.compactMap { group in
        let part = group.range.clamped(to: range)
        guard !part.isEmpty else { return nil }
        defer { count += part.count }
        return Group(
          range: part, moments: count..<count + part.count, decays: group.decays, factor: group.factor)
      }
    }
    firstMoments = backend.allocate(Float.self, rowCount: 1, columnCount: count)
    secondMoments = backend.allocate(Float.self, rowCount: 1, columnCount: count)
    backend.fill(firstMoments, with: 0)
    backend.fill(secondMoments, with: 0)
  }

  /// One step: the `weights` of ``ranges`` move against `gradients` · `gradientScale` at `learningRate`. Both
  /// are whole arenas. Steps are counted from 1.
  package func update(
    _ weights: Matrix, gradients: Matrix, gradientScale: Double, learningRate: Double, step: Int
  ) {
    for group in groups {
      backend.adamW(
        weights.columns(group.range), gradients: gradients.columns(group.range),
        firstMoments: firstMoments.columns(group.moments),
        secondMoments: secondMoments.columns(group.moments),
        step: AdamWStep(
          learningRate: Float(learningRate * group.factor), beta1: Float(settings.beta1),
          beta2: Float(settings.beta2), epsilon: Float(settings.epsilon),
          weightDecay: group.decays ? Float(settings.weightDecay) : 0,
          gradientScale: Float(gradientScale), number: step))
    }
  }

  /// The numbers of `matrix` on the host.
  func numbers(of matrix: Matrix) -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.count) { numbers, count in
      backend.download(matrix, to: UnsafeMutableBufferPointer(rebasing: numbers[..<matrix.count]))
      count = matrix.count
    }
  }

  /// Sets `matrix` to numbers on the host.
  func set(_ matrix: Matrix, to numbers: UnsafeBufferPointer<Float>) {
    backend.upload(numbers, to: matrix)
  }

  private static func groups(_ layout: ParameterLayout, _ factors: LearningRateFactors) -> [Group] {
    var groups: [Group] = []
    for entry in layout.entries {
      let factor = factors.factor(of: entry)
      if let last = groups.last, last.range.upperBound == entry.offset, last.decays == entry.isMatrix,
        last.factor == factor
      {
        groups[groups.count - 1].range = last.range.lowerBound..<entry.range.upperBound
      } else {
        groups.append(
          Group(range: entry.range, moments: entry.range, decays: entry.isMatrix, factor: factor))
      }
    }
    return groups
  }
}

extension LearningRateFactors {
  /// The factor of a parameter, by its name in `model.safetensors`.
  func factor(of entry: ParameterLayout.Entry) -> Double {
    if !entry.isMatrix && !entry.isShift { return norms }
    if entry.name.contains(".self_attn.") { return attention }
    if entry.name.contains(".mlp.") { return mlp }
    return embeddings
  }
}
