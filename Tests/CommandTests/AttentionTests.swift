import CastleFormats
import CastleMeasurement
import CastleTensors
import Foundation
import Testing

/// `castle attention`: the forms of one definition, from outside.
struct AttentionTests {
  private static let shape = [2, 2, 21, 6]

  private let folder: TemporaryFolder

  /// Random projections, and a gradient of the output, in input.safetensors.
  init() throws {
    folder = try TemporaryFolder()
    let names = ["qu", "ku", "vu", "qc", "kc", "vc", "do"]
    // Two query heads for each KV head.
    let shapes = names.map { ["qc", "do"].contains($0) ? [2, 4, 21, 6] : Self.shape }
    let writer = try SafetensorsWriter(
      path: folder.path("input.safetensors"),
      tensors: zip(names, shapes).map { .init(name: $0, type: .f32, shape: $1) })
    var source = RandomSource(seed: 4)
    for shape in shapes {
      try writer.write((0..<shape.reduce(1, *)).map { _ in source.nextNormal() })
    }
    try writer.finish()
  }

  /// The tensors that a call writes, in double precision.
  private func compute(_ arguments: [String]) throws -> [String: [Double]] {
    let output = folder.path("output.safetensors")
    _ = try CastleProcess.output(
      ["attention", "--input", folder.path("input.safetensors"), "--output", output] + arguments)
    let file = try SafetensorsFile(path: output)
    return Dictionary(
      uniqueKeysWithValues: try file.names.map { name in
        let tensor = try file.tensor(name)
        return (name, tensor.type == .f32 ? try tensor.floats().map(Double.init) : try tensor.doubles())
      })
  }

  private func expectEqual(
    _ values: [String: [Double]], _ truth: [String: [Double]], names: some Sequence<String>,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for name in names {
      let (values, truth) = (try #require(values[name]), try #require(truth[name]))
      try #require(values.count == truth.count)
      let scale = truth.map(abs).max() ?? 0
      let isNear = zip(values, truth).allSatisfy { abs($0 - $1) <= 1e-5 * scale }
      #expect(isNear, "\(name)", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    ["--mechanism", "castle"], ["--mechanism", "castle-swl", "--window", "5"], ["--mechanism", "causal"],
    ["--mechanism", "castle", "--documents", "13,8"], ["--mechanism", "castle", "--without-silu"],
    ["--mechanism", "castle", "--without-causal-keys"],
  ])
  func allFormsAgree(mechanism: [String]) throws {
    func form(_ arguments: String...) throws -> [String: [Double]] {
      try compute(mechanism + ["--form"] + arguments)
    }
    let truth = try form("parallel")
    let results = ["o", "lse"] + (truth.keys.contains("u") ? ["u"] : [])
    #expect(truth.count == results.count + (truth.keys.contains("u") ? 6 : 3))
    try expectEqual(try form("recurrent"), truth, names: results)
    try expectEqual(try form("parallel", "--precision", "f32"), truth, names: truth.keys)
    try expectEqual(try form("blocked"), truth, names: truth.keys)
    try expectEqual(try form("cached"), truth, names: results)
    try expectEqual(try form("cached", "--chunk", "4"), truth, names: results)
  }
}
