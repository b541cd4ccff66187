import CastleKernels
import Foundation
public import CastleTensors

extension CPUBackend {
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
