public import CastleAttention
public import CastleTensors
import Foundation

/// The operations that models, training and generation are made of.
///
/// A backend owns its memory and its parallelism; callers pass matrices on and never look inside. Each
/// operation is one call for a whole batch, so the cost of choosing the backend at run time does not show.
///
/// Another module can implement it: ``Buffer`` wraps any memory, and ``ForwardingBackend`` leaves to another
/// backend what the new one does not do yet.
///
/// Conventions: activations are (tokens, features) with one row a token; weights are (outputs, inputs), as in
/// `y = x Wᵀ`. Vectors are matrices whose elements follow each other without gaps, usually one row: weights
/// of norms, scales, tokens, positions, targets and losses. Operations named `…Backward` add to parameter
/// gradients and overwrite activation gradients. What an operation writes overlaps none of its other
/// arguments. Exceptions from the last two rules are stated. Arguments that do not fit each other are a
/// mistake of the caller, and a trap.
///
/// One call at a time: a backend, its memory and everything built on them belong to one thread of control,
/// which is why none of it is `Sendable`. A call may return before its work is done, as long as later calls
/// see the results; what comes back to the host, by ``download(_:to:)`` or ``DeviceScalar/value``, is done.
public protocol Backend: AnyObject {
  /// One line for logs: the kind of device, its threads and instruction set.
  var summary: String { get }

  /// Returns when the work of all earlier calls is done; timings need it. The default is for backends whose
  /// calls return no earlier, and does nothing.
  func synchronize()

  // MARK: Memory

  /// New memory without a value.
  func allocate<Element>(_ type: Element.Type, rowCount: Int, columnCount: Int) -> DeviceMatrix<Element>

  /// Copies numbers from the host. Traps if the counts differ.
  func upload<Element>(_ source: UnsafeBufferPointer<Element>, to target: DeviceMatrix<Element>)

  /// Copies numbers to the host, row by row. Traps if the counts differ.
  func download<Element>(_ source: DeviceMatrix<Element>, to target: UnsafeMutableBufferPointer<Element>)

  // MARK: Elementwise

  /// x ← value.
  func fill(_ x: Matrix, with value: Float)

  /// y ← x.
  func copy(_ x: Matrix, to y: Matrix)

  /// y ← y + x.
  func add(_ x: Matrix, to y: Matrix)

  /// Each row of y ← that row + bias. `bias` is a vector with an element for each column of `y`.
  func add(bias: Matrix, toRowsOf y: Matrix)

  /// Adds the sum of the rows of `dy` to `dBias`, the gradient of a bias.
  func biasBackward(_ dy: Matrix, dBias: Matrix)

  // MARK: Products

  /// c ← α · op(a) · op(b) + β · c, where op transposes if asked. Traps if the shapes do not fit.
  func multiply(
    _ a: Matrix, transposed transposeA: Bool, _ b: Matrix, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Matrix)

  /// y ← x Wᵀ: the forward product with parameters, (rows, inputs) to (rows, outputs). Traps if the shapes do
  /// not fit.
  func multiply(_ x: Matrix, by weight: Weight, into y: Matrix)

  /// The most rows for which ``multiply(_:by:into:)`` and
  /// ``multiply(_:transposed:_:transposed:alpha:beta:into:)`` with a transposed b give each row the same bits
  /// as if it came alone, at least 1. Sums of more rows may be taken in another order.
  var independentRows: Int { get }

  /// The most rows for which ``multiply(_:by:into:)`` with `weight` gives each row the same bits as if it
  /// came alone. The default is ``independentRows``.
  func independentRows(of weight: Weight) -> Int

  /// Whether products and embeddings read ``Weight/packed(_:)``, which lies in the host's memory. The default
  /// is no: models then have all weights in single precision.
  var readsPackedWeights: Bool { get }

  // MARK: Embedding

  /// Row i of `y` ← row `tokens[i]` of `table`. `tokens` is one row of ids below the table's row count.
  func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix)

  /// Adds row i of `dy` to row `tokens[i]` of `dTable`, in the order of i for equal tokens.
  func embedBackward(_ dy: Matrix, tokens: IndexMatrix, dTable: Matrix)

  // MARK: Normalization (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019)

  /// y ← x / rms(x) · weight, row by row, with rms(x) = √(mean(x²) + epsilon). `scales`, (1, tokens), keeps
  /// 1 / rms(x) for the backward pass. If `residual` is given, first x ← x + residual.
  func rmsNorm(
    _ x: Matrix, adding residual: Matrix?, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix)

  /// **Adds** to `dx`, the gradient of x, and to `dWeight`.
  func rmsNormBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix)

  /// ``rmsNorm(_:adding:weight:epsilon:into:scales:)`` of every head of `x`, (tokens, heads · headSize), by
  /// itself. `weight`, of headSize elements, is that of all heads; `scales` is (tokens, heads).
  func rmsNormHeads(_ x: Matrix, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix)

  /// The gradients of ``rmsNormHeads(_:weight:epsilon:into:scales:)``. `dx` may be `dy` itself.
  func rmsNormHeadsBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix)

  // MARK: Rotary positions (Su et al., "RoFormer", 2021)

  /// Turns every head of `x`, (tokens, heads · headSize), by its token's position: features i and i +
  /// headSize/2 are one pair, turned by position · frequency i. `table` comes from
  /// ``rotaryTable(frequencies:magnitude:length:)``; `positions` is one row. `inverse` turns back, which is
  /// the backward pass.
  func rotate(_ x: Matrix, headSize: Int, positions: IndexMatrix, table: Matrix, inverse: Bool)

  /// Cosines and sines of position · frequency for positions `0..<length`, times `magnitude`: row p holds the
  /// cosines of all frequencies, then as many sines.
  func rotaryTable(frequencies: [Double], magnitude: Double, length: Int) -> Matrix

  // MARK: Key/value shift (Xu, Cheng, Wang and Chen, "KV Shifting Attention Enhances Language Modeling",
  // 2024)

  /// Mixes each row with the one before it, head by head: y_t ← own · x_t + before · x_{t−1}.
  ///
  /// `weights`, (2, heads), holds own and before of the heads of `x`, (tokens, heads · head size). Row i of
  /// `previous` comes before the first row of document i: of zeros where the document begins.
  func shift(_ x: Matrix, weights: Matrix, documents: Documents, previous: Matrix, into y: Matrix)

  /// Turns `dy` into the gradient of x, where all documents begin, and **adds** to `dWeights`.
  func shiftBackward(_ dy: Matrix, x: Matrix, weights: Matrix, documents: Documents, dWeights: Matrix)

  // MARK: SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020)

  /// y ← SiLU(gate) · up, where `gateUp`, (tokens, 2 · hidden), holds gate and up side by side.
  func swiGLU(_ gateUp: Matrix, into y: Matrix)

  /// `dGateUp` ← the gradient of `gateUp`. `dGateUp` may be `gateUp` itself.
  func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix)

  // MARK: Attention

  /// Attention over `documents`, which are packed one after the other and cover all rows.
  ///
  /// `logSumExp` is (query heads, tokens); `lookaheadKeys` is (tokens, heads · headSize), and may be nil if
  /// nobody wants them. Causal attention has none.
  func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?)

  /// The gradients of ``attention(_:mechanism:documents:output:logSumExp:lookaheadKeys:)``, whose results it
  /// is given: with lookahead all of them, for causal attention without `lookaheadKeys`.
  ///
  /// Overwrites `gradients`, but for those of projections that the mechanism does not read. `lookaheadKeys`
  /// may be overwritten too.
  func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices)

  /// An empty cache for one layer of one sequence, with room for `capacity` tokens.
  func makeAttentionCache(_ layout: HeadLayout, mechanism: Mechanism, capacity: Int) -> any AttentionCache

  /// The most bytes that such a cache takes for `length` tokens when it has no snapshots and shares nothing.
  /// The default counts all keys and values in single precision, in panels of 64 tokens.
  func attentionCacheByteCount(_ layout: HeadLayout, mechanism: Mechanism, length: Int) -> Int

  /// Appends document i of `projections` to `caches[i]` and attends from each of its tokens. Any number of
  /// rows: prefill and decoding are the same operation. What a cache gives does not depend on the others in
  /// the call, not even in the last bit.
  ///
  /// Traps if the documents are not as many as the caches or do not cover all rows, if a cache occurs twice,
  /// or if one is full.
  func attention(
    _ projections: ProjectionMatrices, documents: Documents, appendingTo caches: [any AttentionCache],
    output: Matrix)

  // MARK: Loss

  /// The summed negative log-likelihood (natural logarithm) of `targets` under softmax(`logits`), and
  /// `logits` ← its gradient times `gradientScale`. A target of −1 is left out: it adds nothing and its
  /// gradient is 0. `losses`, (1, tokens), gets each token's loss.
  func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float, losses: Matrix
  ) -> DeviceScalar

  /// As ``crossEntropy(_:targets:gradientScale:losses:)`` without the gradient; `logits` is left as it is.
  func crossEntropy(_ logits: Matrix, targets: IndexMatrix, losses: Matrix) -> DeviceScalar

  // MARK: Optimizer and reductions

  /// Σ x², summed in double precision in an order that depends on the shape alone.
  func sumOfSquares(_ x: Matrix) -> DeviceScalar

  /// One step of AdamW (Loshchilov and Hutter, 2019) on contiguous memory.
  func adamW(
    _ weights: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, step: AdamWStep)
}

extension Backend {
  /// Does nothing: calls return when their work is done.
  public func synchronize() {}

  /// ``independentRows``.
  public func independentRows(of weight: Weight) -> Int { independentRows }

  /// No.
  public var readsPackedWeights: Bool { false }

  /// All keys and values in single precision, in panels of 64 tokens.
  public func attentionCacheByteCount(_ layout: HeadLayout, mechanism: Mechanism, length: Int) -> Int {
    LookaheadCache.byteCount(
      mechanism: mechanism, kvHeads: layout.kvHeads, headSize: layout.headSize, length: length)
  }

  /// The table of the frequencies theta^(−2i/headSize), those of RoFormer. Traps unless heads are pairs of
  /// features.
  public func rotaryTable(theta: Double, headSize: Int, length: Int) -> Matrix {
    precondition(headSize > 0 && headSize % 2 == 0, "heads of \(headSize) features are not pairs")
    let frequencies = (0..<headSize / 2).map { pow(theta, -2 * Double($0) / Double(headSize)) }
    return rotaryTable(frequencies: frequencies, magnitude: 1, length: length)
  }

  /// Appends all tokens of `projections` to one cache.
  public func attention(
    _ projections: ProjectionMatrices, appendingTo cache: any AttentionCache, output: Matrix
  ) {
    attention(
      projections, documents: Documents(length: output.rowCount), appendingTo: [cache], output: output)
  }
}

/// The numbers of one AdamW step.
public struct AdamWStep: Sendable, Hashable {
  /// η, the learning rate of this step.
  public var learningRate: Float
  /// β₁, the decay of the first moment.
  public var beta1: Float
  /// β₂, the decay of the second moment.
  public var beta2: Float
  /// ε, added to the root of the second moment.
  public var epsilon: Float
  /// λ: weights shrink by η·λ each step.
  public var weightDecay: Float
  /// Gradients are multiplied by this first (clipping, averaging).
  public var gradientScale: Float
  /// The number of this step, counted from 1, for the bias correction.
  public var number: Int

  /// Bundles the numbers.
  public init(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float,
    gradientScale: Float, number: Int
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
    self.number = number
  }
}
