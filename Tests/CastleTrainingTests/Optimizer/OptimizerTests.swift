import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import CastleTraining
import Foundation
import Testing

/// What one step does to the weights, under settings that make one part of it stand out.
struct OptimizerTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  private struct Step {
    var entries: [ParameterLayout.Entry]
    var before: [Float]
    var after: [Float]
    var norm: Double

    /// How far each weight of `range` moved.
    func change(_ range: Range<Int>) -> [Double] { range.map { Double(after[$0]) - Double(before[$0]) } }
  }

  private func step(_ run: String, _ settings: [String]) throws -> Step {
    var norm = 0.0
    let progress = RecordingProgress(afterMetrics: { norm = $0.gradientNorm })
    let trainer = try small.trainer(
      run, ["training.steps=1", "schedule.warm-up=0", "schedule.kind=constant"] + settings, progress: progress
    )
    let before = trainer.weights
    _ = try trainer.run()
    return Step(entries: trainer.model.layout.entries, before: before, after: trainer.weights, norm: norm)
  }

  @Test func matricesDecayAndNormsDoNot() throws {
    let plain = try step("plain", ["optimizer.weight-decay=0"])
    let decayed = try step("decayed", ["optimizer.weight-decay=10", "optimizer.learning-rate=0.01"])
    #expect(plain.before == decayed.before)
    #expect(plain.entries.contains { $0.isMatrix } && plain.entries.contains { !$0.isMatrix })
    for entry in plain.entries {
      if entry.isMatrix {
        for place in entry.range {
          // Relative to the rate: 0.01 · 10.
          let decay = Double(plain.after[place]) - Double(decayed.after[place])
          #expect(abs(decay - 0.1 * Double(plain.before[place])) < 1e-6, "\(entry.name)")
        }
      } else {
        #expect(plain.after[entry.range] == decayed.after[entry.range], "\(entry.name)")
      }
    }
  }

  /// With an epsilon far above every gradient, a weight moves by rate · gradient / epsilon.
  @Test func aLongGradientIsShortenedToTheLimit() throws {
    let linear = ["optimizer.epsilon=1e4", "optimizer.learning-rate=1e3", "optimizer.weight-decay=0"]
    let whole = try step("whole", linear + ["training.clip=0"])
    let below = try step("below", linear + ["training.clip=\(whole.norm * 1.01)"])
    #expect(below.after == whole.after)
    let half = try step("half", linear + ["training.clip=\(whole.norm / 2)"])
    #expect(half.norm == whole.norm)
    func length(_ step: Step) -> Double {
      step.change(0..<step.before.count).reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    #expect(abs(length(whole) / (0.1 * whole.norm) - 1) < 1e-3)
    #expect(abs(length(half) / length(whole) - 0.5) < 1e-3)
  }

  /// At places that are multiples of nothing, inside of parameters.
  @Test func optimizersOfRangesDoWhatOneOfAllDoes() throws {
    let model = try small.trainer("a").model
    let (layout, backend) = (model.layout, model.backend)
    let count = layout.parameterCount
    func arena(_ seed: UInt64) -> Matrix {
      var source = RandomSource(seed: seed)
      let arena = backend.allocate(Float.self, rowCount: 1, columnCount: count)
      let values = (0..<count).map { _ in source.nextNormal() }
      values.withUnsafeBufferPointer { backend.upload($0, to: arena) }
      return arena
    }
    func numbers(_ matrix: Matrix) -> [Float] {
      [Float](unsafeUninitializedCapacity: matrix.count) {
        backend.download(matrix, to: $0)
        $1 = matrix.count
      }
    }
    func ranges(_ cuts: [Int]) -> [Range<Int>] { zip([0] + cuts, cuts + [count]).map { $0..<$1 } }
    /// Optimizers of the given ranges each; after step 2 others take over what they have saved together.
    func train(_ first: [[Range<Int>]], then second: [[Range<Int>]]? = nil) throws -> [Float] {
      let weights = arena(1)
      func optimizers(_ ranges: [[Range<Int>]]) -> [Optimizer] {
        ranges.map { Optimizer(layout: layout, settings: OptimizerSettings(), backend: backend, ranges: $0) }
      }
      var all = optimizers(first)
      for step in 1...4 {
        for optimizer in all {
          optimizer.update(
            weights, gradients: arena(UInt64(step + 1)), gradientScale: 0.5, learningRate: 0.01, step: step)
        }
        guard step == 2, let second else { continue }
        let folder = try TemporaryFolder()
        for (index, optimizer) in all.enumerated() {
          try optimizer.save(layout: layout, folder: folder.path, isFirst: index == 0)
        }
        all = optimizers(second)
        for optimizer in all { try optimizer.load(layout: layout, folder: folder.path) }
      }
      return numbers(weights)
    }
    let whole = try train([[0..<count]])
    let many = ranges([1, 777, 778, 8_191, count - 3])
    #expect(try train(many.map { [$0] }) == whole)
    let three = [[many[0], many[3]], [many[1], many[2], many[5]], [many[4]]]
    let two = ranges([1_003]).map { [$0] }
    #expect(try train(three, then: two) == whole)
    #expect(try train(two, then: [[0..<count]]) == whole)
    #expect(try train([[0..<count]], then: three) == whole)
  }
}
