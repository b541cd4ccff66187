import CastleTensors

/// Memory of one panel that caches may share until one of them writes.
final class PanelMemory {
  private let buffer: Buffer
  let base: UnsafeMutablePointer<Float>

  var byteCount: Int { buffer.byteCount }

  /// `count` floats, zero at first: columns that hold no token yet take part in products.
  init(count: Int) {
    buffer = Buffer.host(byteCount: count * MemoryLayout<Float>.stride)
    base = buffer.address.assumingMemoryBound(to: Float.self)
    base.update(repeating: 0, count: count)
  }

  init(copying other: PanelMemory) {
    buffer = Buffer.host(byteCount: other.byteCount)
    base = buffer.address.assumingMemoryBound(to: Float.self)
    buffer.address.copyMemory(from: other.base, byteCount: other.byteCount)
  }

  /// Makes `memory` safe to write: the caller's alone.
  static func makeUnique(_ memory: inout PanelMemory?) {
    if !isKnownUniquelyReferenced(&memory), let shared = memory { memory = PanelMemory(copying: shared) }
  }
}

/// One panel of a cached head. The three parts have lives of their own: keys and values stand still once the panel
/// is full, lookahead keys move as long as the window reaches, and q^U is dropped after that.
struct CachedPanel {
  /// k^C as columns, (d, panel width), and then v^C as rows, (panel width, d in whole vectors).
  var keysAndValues: PanelMemory?
  /// q^U as columns, (d, panel width), while the window reaches the panel.
  var queries: PanelMemory?
  /// The lookahead keys as columns, (d, panel width). Nil for causal attention.
  var lookaheadKeys: PanelMemory?

  init(_ context: BlockContext) {
    let columns = context.headSize * BlockGeometry.panelWidth
    keysAndValues = PanelMemory(count: columns + context.paddedSize * BlockGeometry.panelWidth)
    guard context.mechanism.hasLookahead else { return }
    queries = PanelMemory(count: columns)
    lookaheadKeys = PanelMemory(count: columns)
  }

  /// The bytes of a panel with all its parts, whatever the width of vectors.
  static func byteCount(headSize: Int, hasLookahead: Bool) -> Int {
    let widest = 16
    let paddedSize = (headSize + widest - 1) / widest * widest
    return BlockGeometry.panelWidth * (paddedSize + (hasLookahead ? 3 : 1) * headSize)
      * MemoryLayout<Float>.stride
  }

  /// The memory that there is.
  var memory: [PanelMemory] { [keysAndValues, queries, lookaheadKeys].compactMap { $0 } }
}

/// The panels of a cache as keys of a forward pass, which moves their lookahead keys in place.
struct CachedKeys: KeySource {
  let context: BlockContext
  /// (heads, panels).
  let panels: [[CachedPanel]]

  func panel(_ index: Int, tokens: Range<Int>, task: HeadTask, scratch: KeyPanel) -> KeyPanel {
    let panel = panels[task.kvHead][index]
    let width = BlockGeometry.panelWidth
    func columns(_ memory: PanelMemory?) -> Rows {
      memory.map { Rows($0.base, stride: width) } ?? scratch.qu
    }
    let kc = columns(panel.keysAndValues)
    return KeyPanel(
      tokens: tokens, qu: columns(panel.queries), kc: kc, u: columns(panel.lookaheadKeys),
      vc: Rows(kc.base + context.headSize * width, stride: context.paddedSize))
  }

  func finish(_ panel: KeyPanel, task: HeadTask) {}
}
