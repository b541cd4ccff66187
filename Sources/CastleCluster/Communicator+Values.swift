import CastleFormats

extension Communicator {
  /// Waits until every rank has come here.
  public func barrier() throws { try startBarrier().wait() }

  /// The value of every rank, in order.
  package func gather<Value: BitwiseCopyable>(_ value: Value) throws -> [Value] {
    var values = Array(repeating: value, count: world.size)
    guard world.size > 1 else { return values }
    try values.withUnsafeMutableBytes { bytes in
      let counts = Array(repeating: MemoryLayout<Value>.stride, count: world.size)
      try startAllGather(bytes, counts: counts).wait()
    }
    return values
  }

  /// The texts of every rank, in order.
  package func gather(_ text: String) throws -> [String] {
    guard world.size > 1 else { return [text] }
    let own = Array(text.utf8)
    let counts = try gather(own.count)
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    let start = counts[..<world.rank].reduce(0, +)
    all.replaceSubrange(start..<start + own.count, with: own)
    try all.withUnsafeMutableBytes { try startAllGather($0, counts: counts).wait() }
    var end = 0
    return counts.map { count in
      end += count
      return String(decoding: all[(end - count)..<end], as: UTF8.self)
    }
  }

  /// The text of the main rank; what others give is not read.
  package func broadcast(_ text: String) throws -> String {
    guard world.size > 1 else { return text }
    var bytes = Array(text.utf8)
    var count = bytes.count
    try withUnsafeMutableBytes(of: &count) { try startBroadcast($0, from: 0).wait() }
    if !world.isMain { bytes = Array(repeating: 0, count: count) }
    try bytes.withUnsafeMutableBytes { try startBroadcast($0, from: 0).wait() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether `value` is true on any rank.
  package func isTrueOnAny(_ value: Bool) throws -> Bool {
    world.size == 1 ? value : try gather(value).contains(true)
  }

  /// The sum over the ranks, added up in their order, so that all have the same bits.
  package func sum(_ value: Double) throws -> Double {
    let values = try gather(value)
    return values.dropFirst().reduce(values[0], +)
  }

  /// Does `body` on every rank and returns what each made of it. If it fails on one, every rank throws.
  ///
  /// - Throws: ``RankFailure`` on every rank if one fails, or where there is one rank only the error of
  ///   `body` itself.
  package func together<Value: BitwiseCopyable>(_ body: () throws -> Value) throws -> [Value] {
    guard world.size > 1 else { return [try body()] }
    let result = Result { try body() }
    // The length of the message comes with the value: in the ordinary case there is one exchange.
    var value: Value?
    var message = ""
    switch result {
    case .success(let made): value = made
    case .failure(let error): message = String(describing: error)
    }
    let values = try gather(value)
    guard values.contains(where: { $0 == nil }) else { return values.compactMap(\.self) }
    let messages = try gather(message)
    let rank = values.firstIndex { $0 == nil } ?? 0
    var failure = RankFailure(rank: rank, host: hosts[rank], message: messages[rank])
    if case .failure(let error) = result, rank == world.rank { failure.own = error }
    throw failure
  }

  /// Does `body` on every rank and returns what this one made of it. If it fails on one, every rank throws,
  /// as ``together(_:)`` does.
  package func onEveryRank<Value>(_ body: () throws -> Value) throws -> Value {
    var own: Value?
    _ = try together {
      own = try body()
      return true
    }
    guard let own else { preconditionFailure("a body that has neither returned nor thrown") }
    return own
  }

  /// Checks that every rank has the same `text`, which is of the kind `name`.
  ///
  /// - Throws: ``InputError`` on every rank, which names the first that has another one than the main rank.
  package func requireSame(_ name: String, _ text: String, shows: Bool = false) throws {
    let texts = try gather(text)
    guard let rank = texts.firstIndex(where: { $0 != texts[0] }) else { return }
    let detail = shows ? ": \(texts[rank]) instead of \(texts[0])" : ""
    throw InputError(
      subject: "rank \(rank) on \(hosts[rank])", problem: "has another \(name) than rank 0\(detail)",
      remedy: "give all ranks the same files and the same program")
  }
}

/// What went wrong on one of several ranks, known to all of them.
package struct RankFailure: Error, CustomStringConvertible {
  /// The rank.
  package var rank: Int
  /// Its host.
  package var host: String
  /// What its error says.
  package var message: String
  /// The error itself, on that rank.
  package var own: (any Error)?

  /// Bundles what is known everywhere; on the rank itself also its error.
  package init(rank: Int, host: String, message: String, own: (any Error)? = nil) {
    self.rank = rank
    self.host = host
    self.message = message
    self.own = own
  }

  /// One line without a full stop.
  package var description: String { "rank \(rank) on \(host): \(message)" }
}
