import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Foundation
import Testing

/// A small model and what an independent float64 program says about it.
struct GoldenModel {
  static let names = [
    "causal", "causal-grouped-untied", "castle", "castle-grouped-untied", "castle-swl",
    "castle-swl-unrotated-values", "castle-without-silu", "castle-without-causal-keys",
    "llama-biases-llama3", "mistral-window-linear", "qwen2-window", "qwen3-biases-yarn",
    "causal-shifted",
  ]

  let folder: String
  let expected: SafetensorsFile
  let tokens: [Int32]
  let targets: [Int32]
  let documents: Documents

  init(_ name: String) throws {
    folder = Bundle.module.bundlePath + "/Golden/\(name)"
    expected = try SafetensorsFile(path: folder + "/expected.safetensors")
    tokens = try expected.tensor("tokens").integers().map(Int32.init)
    targets = try expected.tensor("targets").integers().map(Int32.init)
    documents = try #require(Documents(lengths: try expected.tensor("lengths").integers()))
  }

  func load(_ backend: any Backend = makeBackend()) throws -> LanguageModel {
    try LanguageModel(folder: folder, backend: backend)
  }

  /// The number of targets that count.
  var targetCount: Int { targets.filter { $0 >= 0 }.count }
}

/// A backend of the test's own; memory without a value is NaN.
func makeBackend(threads: Int = 2) -> any Backend {
  Scratch.isPoisoned = true
  return CPUBackend(threads: threads)
}

extension LanguageModel {
  /// A gradient arena of zeros.
  func makeGradients() -> Matrix {
    let gradients = backend.allocate(Float.self, rowCount: 1, columnCount: layout.parameterCount)
    backend.fill(gradients, with: 0)
    return gradients
  }

  /// All numbers of a matrix.
  func read(_ matrix: Matrix) -> [Float] {
    var values = [Float](repeating: .nan, count: matrix.count)
    values.withUnsafeMutableBufferPointer { backend.download(matrix, to: $0) }
    return values
  }
}

/// The largest difference relative to the largest magnitude of `expected`; infinite if a number is not
/// finite.
func relativeError(_ values: some Collection<Float>, _ expected: some Collection<Double>) -> Double {
  guard values.count == expected.count, values.allSatisfy(\.isFinite) else { return .infinity }
  let scale = expected.map(abs).max() ?? 0
  let difference = zip(values, expected).map { abs(Double($0) - $1) }.max() ?? 0
  return difference == 0 ? 0 : difference / scale
}

/// A small model with random weights.
func makeModel(
  _ preset: String = "1m-castle", layers: Int = 2, vocabulary: Int = 50, seed: UInt64 = 1,
  backend: any Backend = makeBackend(),
  _ change: (inout ModelConfiguration) -> Void = { _ in }
) throws -> LanguageModel {
  var configuration = try ModelPreset(preset).configuration
  configuration.layerCount = layers
  configuration.vocabularySize = vocabulary
  change(&configuration)
  return try LanguageModel(configuration, backend: backend, seed: seed)
}

/// `count` token ids that `seed` determines.
func randomTokens(_ count: Int, vocabulary: Int = 50, seed: UInt64 = 1) -> [Int32] {
  var source = RandomSource(seed: seed)
  return (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &source) }
}
