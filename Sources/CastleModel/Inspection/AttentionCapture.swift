package import CastleAttention
import CastleOperations
import CastleTensors

/// What the attention of one layer read and gave for the tokens of a text.
package struct AttentionCapture {
  /// The number of the layer, from 0.
  package let layer: Int
  /// The output of attention before its projection, (tokens, query heads · head size).
  package let attended: [Float]

  private let configuration: ModelConfiguration
  /// All projections side by side, turned by their positions.
  private var projections: [Double]

  init(_ activations: LayerActivations, layer: Int, model: LanguageModel) {
    func read(_ matrix: Matrix) -> [Float] {
      [Float](unsafeUninitializedCapacity: matrix.count) { buffer, count in
        model.backend.download(matrix, to: UnsafeMutableBufferPointer(rebasing: buffer[..<matrix.count]))
        count = matrix.count
      }
    }
    self.layer = layer
    configuration = model.configuration
    attended = read(activations[.attended])
    projections = read(activations[.projections]).map(Double.init)
  }

  /// Calls `body` with the projections as attention reads them, after rotary positions, in double precision.
  /// They are valid during the call.
  package mutating func withProjections<Result>(
    _ body: (AttentionProjections<Double>) throws -> Result
  ) rethrows -> Result {
    let heads = configuration.heads
    let width = configuration.projectionWidth
    return try projections.withUnsafeMutableBufferPointer { buffer in
      var next = buffer.baseAddress!
      func view(_ count: Int) -> HeadView<Double> {
        defer { next += count * heads.headSize }
        return HeadView(
          next, batch: 1, heads: count, length: buffer.count / width, size: heads.headSize,
          batchStride: buffer.count, headStride: heads.headSize, tokenStride: width)
      }
      var lookahead: AttentionProjections<Double>.Lookahead?
      if configuration.hasLookahead {
        let (qu, ku, vu) = (view(heads.kvHeads), view(heads.kvHeads), view(heads.kvHeads))
        lookahead = .init(qu: qu, ku: ku, vu: vu)
      }
      let (qc, kc, vc) = (view(heads.queryHeads), view(heads.kvHeads), view(heads.kvHeads))
      return try body(AttentionProjections(lookahead: lookahead, qc: qc, kc: kc, vc: vc))
    }
  }
}

extension LanguageModel {
  /// Runs the layers on `tokens`, one document, and calls `body` with what the attention of each of `layers`
  /// read and gave, in their order.
  ///
  /// Traps if a layer does not exist.
  ///
  /// - Throws: ``InputError`` if there are no tokens, an id is outside the vocabulary, or there are more
  ///   tokens than the model allows; and what `body` throws.
  package func captureAttention(
    _ tokens: [Int32], layers: Range<Int>, _ body: (inout AttentionCapture) throws -> Void
  ) throws {
    precondition(layers.lowerBound >= 0 && layers.upperBound <= configuration.layerCount, "no such layers")
    try check(tokens: tokens)
    try check(length: tokens.count)
    let pass = ForwardPass(self, capacity: tokens.count, longest: tokens.count, retention: .none)
    var failure: (any Error)?
    try pass.run(tokens, documents: Documents(length: tokens.count)) { layer, activations in
      guard layers.contains(layer), failure == nil else { return }
      var capture = AttentionCapture(activations, layer: layer, model: self)
      do { try body(&capture) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// The most memory that ``captureAttention(_:layers:_:)`` takes for `tokenCount` tokens, in bytes, without
  /// the weights.
  package static func captureByteCount(_ configuration: ModelConfiguration, tokenCount: Int) -> Int {
    let pass = LayerActivations.countPerToken(configuration) + configuration.hiddenSize + 4
    let copies = 3 * configuration.projectionWidth + configuration.attentionWidth
    let count = Double(tokenCount) * Double(pass + copies + configuration.heads.headSize)
    return Int(exactly: 4 * count) ?? .max
  }
}
