import CastleFormats
package import CastleModel
import Foundation

/// The natural logarithms of the probabilities that logits stand for.
///
/// Every number is the token's logit less one sum, so a token has the same one wherever it is asked for.
package struct LogSoftmax {
  private let logits: UnsafeBufferPointer<Float>
  /// log Σ exp(logit).
  private let logSum: Double

  /// Reads the logits once; they must outlive this value.
  ///
  /// - Throws: `InputError` if one is NaN or +∞, or none is finite.
  package init(_ logits: UnsafeBufferPointer<Float>) throws {
    typealias Vector = SIMD8<Float>
    let vectorEnd = logits.count / Vector.scalarCount * Vector.scalarCount
    let bytes = UnsafeRawBufferPointer(logits)
    func vector(_ place: Int) -> Vector {
      bytes.loadUnaligned(fromByteOffset: 4 * place, as: Vector.self)
    }
    var highest = Vector(repeating: -.infinity)
    var isSound = SIMDMask<SIMD8<Int32>>(repeating: true)
    for place in stride(from: 0, to: vectorEnd, by: Vector.scalarCount) {
      let values = vector(place)
      isSound = isSound .& (values .< .infinity)
      highest.replace(with: values, where: values .> highest)
    }
    var best = highest.max()
    for logit in logits[vectorEnd...] { best = max(best, logit) }
    guard all(isSound), logits[vectorEnd...].allSatisfy({ $0 < .infinity }) else {
      let token = logits.firstIndex { !($0 < .infinity) } ?? 0
      throw InputError("the model's logit of token \(token) is \(logits[token]); its weights are damaged")
    }
    guard best > -.infinity else { throw InputError("the model gives no token a finite logit") }
    var sum = SIMD4<Double>.zero
    for place in stride(from: 0, to: vectorEnd, by: Vector.scalarCount) {
      let values = LogitRow.exponential(vector(place) - best, scaledBy: 0)
      sum += SIMD4<Double>(values.lowHalf) + SIMD4<Double>(values.highHalf)
    }
    var rest = 0.0
    for logit in logits[vectorEnd...] {
      rest += Double(LogitRow.exponential(Vector(repeating: logit - best), scaledBy: 0)[0])
    }
    self.logits = logits
    logSum = Double(best) + log(sum.sum() + rest)
  }

  /// The logarithm of a token's probability; −∞ where its logit is.
  package subscript(token: Int32) -> Float { Float(Double(logits[Int(token)]) - logSum) }

  /// The score of `token`, with the `alternatives` most probable tokens: among equal ones lower ids come
  /// first.
  package func score(_ token: Int32, alternatives count: Int) -> TokenScore {
    TokenScore(token: token, logProbability: self[token], alternatives: best(count))
  }

  private func best(_ count: Int) -> [TokenScore.Alternative] {
    guard count > 0 else { return [] }
    var best: [(token: Int, logit: Float)] = []
    best.reserveCapacity(count + 1)
    var floor = -Float.infinity
    for (token, logit) in logits.enumerated() where logit > floor || best.count < count {
      let place = best.firstIndex { $0.logit < logit } ?? best.count
      best.insert((token, logit), at: place)
      if best.count > count { best.removeLast() }
      if best.count == count { floor = best[count - 1].logit }
    }
    return best.map {
      let token = Int32(truncatingIfNeeded: $0.token)
      return TokenScore.Alternative(token: token, logProbability: self[token])
    }
  }
}
