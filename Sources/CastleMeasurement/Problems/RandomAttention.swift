package import CastleAttention
import CastleTensors

/// A random attention problem (1, H, L, d) with room for all results: the same numbers in every precision.
package final class RandomAttention<Scalar: BinaryFloatingPoint> {
  package let inputs: [String: HeadTensor<Scalar>]
  package let gradientTensors: [String: HeadTensor<Scalar>]
  package let dOutput: HeadTensor<Scalar>
  package let output: HeadTensor<Scalar>
  package let logSumExp: HeadTensor<Scalar>
  package let lookaheadKeys: HeadTensor<Scalar>

  private static var names: [String] { ["qu", "ku", "vu", "qc", "kc", "vc"] }

  package init(heads: Int, length: Int, headSize: Int, seed: UInt64 = 1) {
    var random = RandomSource(seed: seed)
    func tensor(size: Int? = nil) -> HeadTensor<Scalar> {
      HeadTensor(batch: 1, heads: heads, length: length, size: size ?? headSize)
    }
    func normal() -> HeadTensor<Scalar> {
      let tensor = tensor()
      for i in tensor.elements.indices { tensor.elements[i] = Scalar(Float(random.nextNormal())) }
      return tensor
    }
    inputs = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, normal()) })
    dOutput = normal()
    gradientTensors = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, tensor()) })
    output = tensor()
    logSumExp = tensor(size: 1)
    lookaheadKeys = tensor()
  }

  package var projections: AttentionProjections<Scalar> { Self.bundle(inputs) }
  package var gradients: AttentionProjections<Scalar> { Self.bundle(gradientTensors) }
  package var results: AttentionResults<Scalar> {
    AttentionResults(
      output: output.view, logSumExp: logSumExp.view, lookaheadKeys: lookaheadKeys.view)
  }

  private static func bundle(_ tensors: [String: HeadTensor<Scalar>]) -> AttentionProjections<Scalar> {
    func view(_ name: String) -> HeadView<Scalar> {
      guard let tensor = tensors[name] else { preconditionFailure("no tensor \(name)") }
      return tensor.view
    }
    return AttentionProjections(
      lookahead: .init(qu: view("qu"), ku: view("ku"), vu: view("vu")), qc: view("qc"), kc: view("kc"),
      vc: view("vc"))
  }
}
