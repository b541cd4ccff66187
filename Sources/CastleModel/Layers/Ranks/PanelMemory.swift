import CastleAttention
import CastleCluster
import CastleOperations
import CastleTensors

/// The sizes of the memory of a ``PanelExchange``.
struct PanelSizes {
  /// The tokens of a batch.
  let capacity: Int
  /// The most of them that a rank has.
  let ownCapacity: Int
  /// The numbers of all tokens that ranks tell each other in a backward pass: q^C, dO, log-sum-exp, dO · o.
  let toldWidth: Int
  /// The width of outputs, and the number of query heads.
  let outputWidth, queryHeads: Int
  /// The width of k^U and v^U side by side; 0 for causal attention.
  let lookaheadWidth: Int
  /// The numbers that a rank sends, or receives, at a time.
  let transferCount: Double

  init(_ configuration: ModelConfiguration, capacity: Int, ranks: World) {
    self.capacity = capacity
    ownCapacity = PanelShares.largestShare(of: capacity, owners: ranks.size)
    outputWidth = configuration.attentionWidth
    queryHeads = configuration.heads.queryHeads
    toldWidth = 2 * (outputWidth + queryHeads)
    lookaheadWidth = configuration.hasLookahead ? 2 * configuration.kvWidth : 0
    transferCount = Double(ranks.size) * Double(ownCapacity) * Double(max(toldWidth, lookaheadWidth))
  }

  /// The numbers of a ``PanelExchange``, without positions.
  func count(layers: Int) -> Double {
    Double(capacity) * Double(toldWidth + outputWidth + queryHeads + 2 * lookaheadWidth)
      + Double(ownCapacity) * Double(toldWidth + layers * queryHeads) + 2 * transferCount
  }
}

/// What a ``PanelExchange`` holds of all tokens of a batch, for one layer after the other.
struct PanelMemory {
  private let sizes: PanelSizes
  private let told, ownTold, results: Matrix
  private let lookahead, dLookahead: Matrix?

  init(_ sizes: PanelSizes, backend: any Backend) {
    self.sizes = sizes
    func rows(_ columnCount: Int) -> Matrix {
      backend.allocate(Float.self, rowCount: sizes.capacity, columnCount: columnCount)
    }
    told = rows(sizes.toldWidth)
    results = rows(sizes.outputWidth + sizes.queryHeads)
    lookahead = sizes.lookaheadWidth > 0 ? rows(sizes.lookaheadWidth) : nil
    dLookahead = sizes.lookaheadWidth > 0 ? rows(sizes.lookaheadWidth) : nil
    ownTold = backend.allocate(Float.self, rowCount: sizes.ownCapacity, columnCount: sizes.toldWidth)
  }

  /// What ranks tell each other of some tokens.
  struct Told {
    let told, queries, dOutput, logSumExp, delta: Matrix

    fileprivate init(_ told: Matrix, _ sizes: PanelSizes) {
      let (width, heads) = (sizes.outputWidth, sizes.queryHeads)
      self.told = told
      queries = told.columns(0..<width)
      dOutput = told.columns(width..<2 * width)
      logSumExp = told.columns(2 * width..<2 * width + heads)
      delta = told.columns(2 * width + heads..<2 * (width + heads))
    }
  }

  /// The windows on the tokens of a batch.
  @dynamicMemberLookup
  struct Views {
    private let all: Told
    /// Outputs and log-sum-exps of this rank's keys, side by side.
    let results: Matrix
    /// The outputs; in a backward pass the gradient of q^C.
    let output: Matrix
    let outputSums: Matrix
    /// k^U and v^U side by side, and their gradients.
    let lookahead, dLookahead: Matrix?

    fileprivate init(_ memory: PanelMemory, count: Int) {
      let sizes = memory.sizes
      all = Told(memory.told.rows(0..<count), sizes)
      results = memory.results.rows(0..<count)
      output = results.columns(0..<sizes.outputWidth)
      outputSums = results.columns(sizes.outputWidth..<sizes.outputWidth + sizes.queryHeads)
      lookahead = memory.lookahead?.rows(0..<count)
      dLookahead = memory.dLookahead?.rows(0..<count)
    }

    /// What is told of all tokens.
    subscript(dynamicMember member: KeyPath<Told, Matrix>) -> Matrix { all[keyPath: member] }
  }

  /// The first `count` tokens of a batch.
  func first(_ count: Int) -> Views { Views(self, count: count) }

  /// What this rank tells of its `count` tokens.
  func own(_ count: Int) -> Told { Told(ownTold.rows(0..<count), sizes) }
}
