import Foundation

/// What all block pairs of a call have in common.
struct BlockContext {
  let kernels: AttentionKernels
  let mechanism: Mechanism
  /// The size of a head, d.
  let headSize: Int
  /// d in whole vectors.
  let paddedSize: Int
  /// log₂(e) / √d. Queries and the keys of gates are packed times this, so that products give scores in units
  /// of ln 2.
  let scale: Float

  init(kernels: AttentionKernels, mechanism: Mechanism, headSize: Int) {
    self.kernels = kernels
    self.mechanism = mechanism
    self.headSize = headSize
    paddedSize = kernels.padded(headSize)
    scale = Float(1 / (log(2.0) * Double(headSize).squareRoot()))
  }

  /// Copies `count` tokens, d wide, times `factor`, filling rows up to whole vectors with zeros.
  func copy(_ count: Int, times factor: Float = 1, _ source: Rows, to target: Rows) {
    kernels.copy(count, headSize, times: factor, source, to: target)
  }

  /// `count` tokens as columns of `target`, (d, panel width); the columns beyond are zero.
  func transposePanel(_ count: Int, _ source: Rows, to target: Rows) {
    kernels.transpose(count, headSize, source, to: target)
    guard count < target.stride else { return }
    for i in 0..<headSize {
      (target.base + i * target.stride + count).update(repeating: 0, count: target.stride - count)
    }
  }

  /// Sets the elements above the diagonal of a square of `count` rows to zero.
  func clearAboveDiagonal(_ count: Int, _ square: Rows) {
    for i in 0..<count {
      (square.base + i * square.stride + i + 1).update(repeating: 0, count: kernels.padded(count) - i - 1)
    }
  }
}
