import CastleKernels

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

  /// The blocks that have queries at or after the first key of the panel, fewer than `visible` tokens after
  /// the last one.
  func blocks(ofPanel index: Int, visible: Int = .max) -> Range<Int> {
    let first = max(0, index * Self.panelWidth / Self.blockRows - firstBlock)
    guard visible < tokens.upperBound else { return first..<blockCount }
    let lastQuery = panel(index).upperBound + visible - 2
    return first..<max(first, min(blockCount, lastQuery / Self.blockRows + 1 - firstBlock))
  }

  /// Which of `parts` works on a panel: they are dealt out and back, so that all parts get about the same
  /// number of block pairs.
  func part(ofPanel index: Int, of parts: Int) -> Int {
    let (round, place) = index.quotientAndRemainder(dividingBy: parts)
    return round.isMultiple(of: 2) ? place : parts - 1 - place
  }

  /// The panels that `part` of `parts` works on.
  func panels(part: Int, of parts: Int) -> some Sequence<Int> {
    (0..<panelCount).lazy.filter { self.part(ofPanel: $0, of: parts) == part }
  }
}
