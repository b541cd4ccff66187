import CastleModel

/// Sequences at the ends of chunks, for prompts that begin alike.
///
/// A tree of chunks knows the prompts of late. A state is kept at the last chunk boundary of each, and where
/// prompts part: lookahead keys move with every token, so a state is of use at its own length alone, and one
/// at every boundary would take a multiple of the memory. Causal attention can cut a longer state too. What
/// was not used for longest goes first.
final class PrefixStore {
  /// The most bytes of states.
  let capacity: Int
  /// The bytes of states, each counted whole, although they share memory.
  private(set) var byteCount = 0

  private let chunkSize: Int
  private let root = Node(parent: nil, chunk: [])
  private var nodes: [ObjectIdentifier: Node] = [:]
  private var time = 0

  /// The most chunks that are remembered, with or without a state.
  private static let nodeLimit = 4096

  /// An empty store. Nothing is kept if `capacity` is 0.
  init(chunkSize: Int, capacity: Int) {
    self.chunkSize = chunkSize
    self.capacity = capacity
  }

  /// One chunk after those of its parent.
  private final class Node {
    weak var parent: Node?
    let chunk: [Int32]
    var children: [[Int32]: Node] = [:]
    var state: SequenceState?
    var byteCount = 0
    var lastUse = 0

    init(parent: Node?, chunk: [Int32]) {
      self.parent = parent
      self.chunk = chunk
    }

    /// A state of this node or one below it.
    var anyState: SequenceState? {
      if let state { return state }
      for child in children.values {
        if let state = child.anyState { return state }
      }
      return nil
    }
  }

  /// A copy of the longest state that begins `prompt`, of which at least one token remains to be read; nil if
  /// none has more than `length` tokens.
  func state(beginning prompt: [Int32], longerThan length: Int) -> SequenceState? {
    guard capacity > 0 else { return nil }
    var found: (node: Node, length: Int)?
    let path = path(of: prompt)
    for (index, node) in path.enumerated() where node.state != nil {
      found = (node, chunkSize * (index + 1))
    }
    var state = found?.node.state?.fork()
    if let deepest = path.last, found?.node !== deepest, let longer = deepest.anyState,
      longer.canTruncate(to: chunkSize * path.count)
    {
      let cut = longer.fork()
      cut.truncate(to: chunkSize * path.count)
      state = cut
    }
    guard let state, state.length > length else { return nil }
    touch(path)
    return state
  }

  /// Remembers the chunks of `prompt` and returns at which lengths its state is worth keeping.
  func boundaries(of prompt: [Int32]) -> [Int] {
    guard capacity > 0 else { return [] }
    let known = path(of: prompt)
    let count = (prompt.count - 1) / chunkSize
    var node = known.last ?? root
    for index in known.count..<max(count, known.count) {
      let chunk = Array(prompt[chunkSize * index..<chunkSize * (index + 1)])
      let child = Node(parent: node, chunk: chunk)
      node.children[chunk] = child
      nodes[ObjectIdentifier(child)] = child
      node = child
    }
    touch(path(of: prompt))
    while nodes.count > Self.nodeLimit { evictOldest() }
    var boundaries: Set<Int> = [chunkSize * known.count, chunkSize * count]
    boundaries.remove(0)
    return boundaries.sorted()
  }

  /// Keeps a copy of `state`, which has read the first tokens of `prompt`, if it fits.
  func keep(_ state: SequenceState, beginning prompt: [Int32]) {
    let path = path(of: prompt)
    guard capacity > 0, state.length.isMultiple(of: chunkSize), state.length / chunkSize <= path.count,
      state.length > 0
    else { return }
    let node = path[state.length / chunkSize - 1]
    let size = state.byteCount
    guard node.state == nil, size <= capacity else { return }
    touch([node])
    while byteCount + size > capacity { evictOldest(keepsLeaves: true) }
    node.state = state.fork()
    node.byteCount = size
    byteCount += size
  }

  // MARK: Tree

  /// The known chunks that begin `prompt`, of which at least one token remains.
  private func path(of prompt: [Int32]) -> [Node] {
    var path: [Node] = []
    var node = root
    for index in 0..<(prompt.count - 1) / chunkSize {
      let chunk = Array(prompt[chunkSize * index..<chunkSize * (index + 1)])
      guard let child = node.children[chunk] else { break }
      path.append(child)
      node = child
    }
    return path
  }

  private func touch(_ path: [Node]) {
    time += 1
    for node in path { node.lastUse = time }
  }

  /// Drops the state that was not used for longest, or the chunk at the end of a branch. There must be one.
  private func evictOldest(keepsLeaves: Bool = false) {
    let candidates = nodes.values.lazy.filter {
      $0.state != nil || (!keepsLeaves && $0.children.isEmpty)
    }
    guard let oldest = candidates.min(by: { $0.lastUse < $1.lastUse }) else { return }
    byteCount -= oldest.byteCount
    oldest.state = nil
    oldest.byteCount = 0
    guard oldest.children.isEmpty else { return }
    oldest.parent?.children[oldest.chunk] = nil
    nodes[ObjectIdentifier(oldest)] = nil
  }
}
