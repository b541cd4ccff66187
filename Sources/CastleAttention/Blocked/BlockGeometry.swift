import CastleKernels
import Foundation

/// How a document is cut into blocks of queries and panels of keys.
///
/// A panel is swept by the blocks from its own diagonal on. Panel starts are block starts.
struct BlockGeometry {
  /// The queries of a block.
  static let blockRows = 64
  /// The keys of a panel, a multiple of `blockRows`.
  static let panelWidth = CASTLE_PANEL_WIDTH

  /// The tokens that queries come from, counted from the start of the document; keys are all tokens up to the
  /// last of them.
  let tokens: Range<Int>

  init(tokens: Range<Int>) { self.tokens = tokens }

  /// All tokens of a document.
  init(length: Int) { tokens = 0..<length }

  private var firstBlock: Int { tokens.lowerBound / Self.blockRows }

  var blockCount: Int { (tokens.upperBound + Self.blockRows - 1) / Self.blockRows - firstBlock }
  var panelCount: Int { (tokens.upperBound + Self.panelWidth - 1) / Self.panelWidth }

  func block(_ index: Int) -> Range<Int> {
    let start = (firstBlock + index) * Self.blockRows
    return (start..<start + Self.blockRows).clamped(to: tokens)
  }

  func panel(_ index: Int) -> Range<Int> {
    index * Self.panelWidth..<min(tokens.upperBound, (index + 1) * Self.panelWidth)
  }

  /// The blocks that have queries at or after the first key of the panel, fewer than `visible` tokens after the last one.
  func blocks(ofPanel index: Int, visible: Int = .max) -> Range<Int> {
    let first = max(0, index * Self.panelWidth / Self.blockRows - firstBlock)
    guard visible < tokens.upperBound else { return first..<blockCount }
    let lastQuery = panel(index).upperBound + visible - 2
    return first..<max(first, min(blockCount, lastQuery / Self.blockRows + 1 - firstBlock))
  }

  /// Which of `parts` works on a panel: they are dealt out and back, so that all parts get about the same number of block
  /// pairs.
  func part(ofPanel index: Int, of parts: Int) -> Int {
    let (round, place) = index.quotientAndRemainder(dividingBy: parts)
    return round.isMultiple(of: 2) ? place : parts - 1 - place
  }

  /// The panels that `part` of `parts` works on.
  func panels(part: Int, of parts: Int) -> some Sequence<Int> {
    (0..<panelCount).lazy.filter { self.part(ofPanel: $0, of: parts) == part }
  }
}

/// What all block pairs of a call have in common.
struct BlockContext {
  let kernels: AttentionKernels
  let mechanism: Mechanism
  /// The size of a head, d.
  let headSize: Int
  /// d in whole vectors.
  let paddedSize: Int
  /// log₂(e) / √d. Queries and the keys of gates are packed times this, so that products give scores in units of ln 2.
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
