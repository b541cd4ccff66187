import CastleOperations
import CastleTensors

/// Which rows ranks send each other, where each has some tokens and wants rows of others'.
struct RowRoute {
  /// The rows of this rank that each rank wants.
  let sent: [[Range<Int>]]
  /// The tokens that this rank wants of each.
  let received: [[Range<Int>]]

  /// `tokens` are those that each rank has, `wanted` those that it wants, both in order.
  init(tokens: [[Range<Int>]], wanted: [[Range<Int>]], rank: Int) {
    received = tokens.map { Self.common($0, wanted[rank]) }
    sent = wanted.map { wanted in Self.rows(of: Self.common(tokens[rank], wanted), in: tokens[rank]) }
  }

  /// The tokens in both lists.
  private static func common(_ a: [Range<Int>], _ b: [Range<Int>]) -> [Range<Int>] {
    var (i, j) = (0, 0)
    var common: [Range<Int>] = []
    while i < a.count, j < b.count {
      let both = a[i].clamped(to: b[j])
      if !both.isEmpty { common.append(both) }
      if a[i].upperBound < b[j].upperBound { i += 1 } else { j += 1 }
    }
    return common
  }

  /// The rows of some tokens among those of `all`, which have them.
  private static func rows(of tokens: [Range<Int>], in all: [Range<Int>]) -> [Range<Int>] {
    var (start, index) = (0, 0)
    return tokens.map { range in
      while all[index].upperBound <= range.lowerBound {
        start += all[index].count
        index += 1
      }
      let first = start + range.lowerBound - all[index].lowerBound
      return first..<first + range.count
    }
  }
}

/// Sends rows along a ``RowRoute``.
struct RowExchange {
  let transfer: RowTransfer
  let outgoing: TransferMemory
  let incoming: TransferMemory

  private var backend: any Backend { transfer.backend }

  /// Brings the rows of `own`, this rank's tokens, and those of others to their places in `all`.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func gather(_ own: Matrix, along route: RowRoute, into all: Matrix) throws {
    let received = try exchange(own, route.sent, incomingRows: route.received)
    for (part, places) in zip(received, route.received) {
      unpack(part, places) { backend.copy($0, to: all.rows($1)) }
    }
  }

  /// The opposite: what each rank has in `all` for this rank's tokens, in the order of the ranks.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func scatter(_ all: Matrix, along route: RowRoute) throws -> [Matrix] {
    try exchange(all, route.received, incomingRows: route.sent)
  }

  /// ``scatter(_:along:)``, added up in `own`, in the order of the ranks.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func add(_ all: Matrix, along route: RowRoute, into own: Matrix) throws {
    let received = try scatter(all, along: route)
    backend.fill(own, with: 0)
    for (part, places) in zip(received, route.sent) {
      unpack(part, places) { backend.add($0, to: own.rows($1)) }
    }
  }

  private func exchange(
    _ source: Matrix, _ rows: [[Range<Int>]], incomingRows: [[Range<Int>]]
  ) throws -> [Matrix] {
    func parts(_ memory: TransferMemory, _ rows: [[Range<Int>]]) -> [Matrix] {
      memory.parts(rows.map { ($0.reduce(0) { $0 + $1.count }, source.columnCount) })
    }
    let (sent, received) = (parts(outgoing, rows), parts(incoming, incomingRows))
    for (part, places) in zip(sent, rows) { unpack(part, places) { backend.copy(source.rows($1), to: $0) } }
    try transfer.exchange(sent, into: received)
    return received
  }

  /// Calls `body` with the rows of `part` that belong to each of `places`.
  private func unpack(
    _ part: Matrix, _ places: [Range<Int>], _ body: (_ rows: Matrix, _ place: Range<Int>) -> Void
  ) {
    var start = 0
    for place in places {
      body(part.rows(start..<start + place.count), place)
      start += place.count
    }
  }
}
