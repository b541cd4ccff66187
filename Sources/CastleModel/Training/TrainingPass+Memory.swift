import CastleOperations

extension TrainingPass {
  /// The memory that a pass of this size plans, in bytes: activations, their gradients and some rows of
  /// logits, without the weights and the gradients of the weights. At most `Int.max`.
  public static func byteCount(
    _ configuration: ModelConfiguration, batch: Int, length: Int, recomputesActivations: Bool = false
  ) -> Int {
    let tokenCount = batch * length
    let layerCount = configuration.layerCount
    let first = LayerActivations.countPerToken(configuration)
    let further = recomputesActivations ? configuration.hiddenSize : first - configuration.intermediateSize
    let layers = first + (layerCount - 1) * further
    let last = 2 * configuration.hiddenSize + 1
    let indices = 3
    let perToken = layers + last + indices + GradientWorkspace.countPerToken(configuration)
    let chunk = OutputHead.chunkSize(configuration, tokenCount: tokenCount)
    let table = length * configuration.heads.headSize
    let logits = chunk * (configuration.vocabularySize + 1)
    // Exact below 2^53 bytes; beyond, what no machine has must still be a number.
    return Int(exactly: 4 * (Double(tokenCount) * Double(perToken) + Double(logits + table))) ?? .max
  }
}
