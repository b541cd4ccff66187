public import RealModule

extension ReferenceOperations {
  /// A step of AdamW (Loshchilov and Hutter, 2019, algorithm 2) on the four arrays of one length.
  @inlinable
  public static func adamW<Scalar: Real & BinaryFloatingPoint>(
    weights: inout [Scalar], gradients: [Scalar], firstMoments: inout [Scalar],
    secondMoments: inout [Scalar], step: AdamWStep
  ) {
    let (beta1, beta2) = (Scalar(step.beta1), Scalar(step.beta2))
    let rate = Scalar(step.learningRate)
    for i in weights.indices {
      let g = gradients[i] * Scalar(step.gradientScale)
      firstMoments[i] = beta1 * firstMoments[i] + (1 - beta1) * g
      secondMoments[i] = beta2 * secondMoments[i] + (1 - beta2) * g * g
      let m = firstMoments[i] / (1 - Scalar.pow(beta1, step.number))
      let v = secondMoments[i] / (1 - Scalar.pow(beta2, step.number))
      weights[i] -= rate * Scalar(step.weightDecay) * weights[i]
      weights[i] -= rate * m / (Scalar.sqrt(v) + Scalar(step.epsilon))
    }
  }
}
