import CastleOperations
import CastleTensors
import Testing

/// The gradients of the reference operations against finite differences in double precision.
struct ReferenceGradientTests {
  private func normals(_ count: Int, seed: UInt64) -> [Double] {
    var source = RandomSource(seed: seed)
    return source.normals(count).doubles
  }

  @Test("RMSNorm", arguments: [1, 2, 7])
  func rmsNorm(columns: Int) {
    let (x, weight) = (normals(3 * columns, seed: 1), normals(columns, seed: 2))
    let dy = normals(3 * columns, seed: 3)
    let gradients = ReferenceOperations.rmsNormBackward(dy, x: x, weight: weight, epsilon: 1e-2)
    expectGradient(
      gradients.dx, of: { dot(ReferenceOperations.rmsNorm($0, weight: weight, epsilon: 1e-2).y, dy) }, at: x,
      "dx")
    expectGradient(
      gradients.dWeight, of: { dot(ReferenceOperations.rmsNorm(x, weight: $0, epsilon: 1e-2).y, dy) },
      at: weight, "dWeight")
  }

  @Test("a bias", arguments: [1, 5])
  func bias(columns: Int) {
    let (y, bias, dy) = (
      normals(4 * columns, seed: 1), normals(columns, seed: 2), normals(4 * columns, seed: 3)
    )
    expectGradient(
      ReferenceOperations.biasBackward(dy, columns: columns),
      of: { dot(ReferenceOperations.add(bias: $0, toRowsOf: y), dy) }, at: bias, "dBias")
  }

  @Test("rotary positions with a magnitude: turning back is the gradient")
  func scaledRotation() {
    let table = ReferenceOperations.rotaryTable(frequencies: [0.9, 0.04], magnitude: 1.3, length: 4)
    let (x, dy) = (normals(3 * 8, seed: 1), normals(3 * 8, seed: 2))
    func rotate(_ x: [Double], inverse: Bool) -> [Double] {
      ReferenceOperations.rotate(x, headSize: 4, positions: [3, 0, 2], table: table, inverse: inverse)
    }
    expectGradient(rotate(dy, inverse: true), of: { dot(rotate($0, inverse: false), dy) }, at: x, "dx")
  }

  @Test("rotary positions", arguments: [2, 6])
  func rotate(headSize: Int) {
    let positions = [3, 0, 4]
    let table = ReferenceOperations.rotaryTable(theta: 100.0, headSize: headSize, length: 5)
    let (x, dy) = (normals(6 * headSize, seed: 1), normals(6 * headSize, seed: 2))
    func rotate(_ x: [Double], inverse: Bool) -> [Double] {
      ReferenceOperations.rotate(x, headSize: headSize, positions: positions, table: table, inverse: inverse)
    }
    expectGradient(rotate(dy, inverse: true), of: { dot(rotate($0, inverse: false), dy) }, at: x, "dx")
  }

  @Test("keys and values mixed with those before", arguments: [1, 3])
  func shift(size: Int) {
    let (heads, lengths) = (2, [3, 1, 2])
    let count = 6 * heads * size
    let (x, dy, weights) = (normals(count, seed: 1), normals(count, seed: 2), normals(2 * heads, seed: 3))
    func shift(_ x: [Double], _ weights: [Double]) -> [Double] {
      ReferenceOperations.shift(
        x, weights: weights, heads: heads, lengths: lengths,
        previous: Array(repeating: 0, count: lengths.count * heads * size))
    }
    let gradients = ReferenceOperations.shiftBackward(
      dy, x: x, weights: weights, heads: heads, lengths: lengths)
    expectGradient(gradients.dx, of: { dot(shift($0, weights), dy) }, at: x, "dx")
    expectGradient(gradients.dWeights, of: { dot(shift(x, $0), dy) }, at: weights, "dWeights")
  }

  @Test("SwiGLU", arguments: [1, 5])
  func swiGLU(hidden: Int) {
    let (gateUp, dy) = (normals(6 * hidden, seed: 1), normals(3 * hidden, seed: 2))
    expectGradient(
      ReferenceOperations.swiGLUBackward(dy, gateUp: gateUp, hidden: hidden),
      of: { dot(ReferenceOperations.swiGLU($0, hidden: hidden), dy) }, at: gateUp, "dGateUp")
  }

  @Test("cross-entropy, with a target left out")
  func crossEntropy() {
    let logits = normals(4 * 9, seed: 1)
    let targets = [8, -1, 0, 3]
    expectGradient(
      ReferenceOperations.crossEntropy(logits, targets: targets).gradient,
      of: { ReferenceOperations.crossEntropy($0, targets: targets).losses.reduce(0, +) }, at: logits,
      "dLogits")
  }

  @Test("embedding, with a token that comes twice")
  func embedding() {
    let tokens = [2, 0, 2]
    let (table, dy) = (normals(4 * 5, seed: 1), normals(3 * 5, seed: 2))
    expectGradient(
      ReferenceOperations.embedBackward(dy, tokens: tokens, rows: 4, columns: 5),
      of: { dot(ReferenceOperations.embed(tokens, table: $0, columns: 5), dy) }, at: table, "dTable")
  }
}
