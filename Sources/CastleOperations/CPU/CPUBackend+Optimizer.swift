import CastleKernels
import Foundation
public import CastleTensors

extension CPUBackend {
  /// Σ x², in an order that depends on the shape alone.
  public func sumOfSquares(_ x: Matrix) -> DeviceScalar { DeviceScalar(squares(x)) }

  private func squares(_ x: Matrix) -> Double {
    guard x.isContiguous else {
      return (0..<x.rowCount).reduce(0) { $0 + squares(x.rows($1..<$1 + 1)) }
    }
    let chunk = 1 << 16
    let chunks = (x.count + chunk - 1) / chunk
    return scratch.withMemory(for: chunks, of: Double.self) { [kernels] sums in
      pool.forEach(chunks) { index in
        let start = index * chunk
        sums[index] = kernels.sum_of_squares(min(chunk, x.count - start), x.hostAddress + start)
      }
      return (0..<chunks).reduce(0) { $0 + sums[$1] }
    }
  }

  /// One step of AdamW. See ``Backend``.
  public func adamW(
    _ weights: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, step: AdamWStep
  ) {
    let all = [weights, gradients, firstMoments, secondMoments]
    precondition(all.allSatisfy { $0.isVector(weights.count) }, "shapes do not fit")
    let (beta1, beta2) = (Double(step.beta1), Double(step.beta2))
    var constants = castle_adamw(
      beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon, gradient_scale: step.gradientScale,
      shrink: step.learningRate * step.weightDecay,
      rate: Float(Double(step.learningRate) / (1 - pow(beta1, Double(step.number)))),
      second_correction: Float(1 / (1 - pow(beta2, Double(step.number)))))
    withUnsafePointer(to: &constants) { constants in
      pool.forEachRange(
        of: weights.count, minimum: Self.grain, partsPerThread: Self.partsPerThread
      ) { [kernels] range in
        let start = range.lowerBound
        kernels.adamw(
          range.count, weights.hostAddress + start, gradients.hostAddress + start,
          firstMoments.hostAddress + start, secondMoments.hostAddress + start, constants)
      }
    }
  }
}
