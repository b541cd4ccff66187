extension Communicator {
  /// Sends `parts`, one to each rank, and returns what has come from each. Traps if a rank sends or gets 2 GB
  /// and more.
  package func exchange(_ parts: [[UInt8]]) throws -> [[UInt8]] {
    guard world.size > 1 else { return parts }
    let counts = parts.map(\.count)
    let word = Array(repeating: MemoryLayout<Int>.size, count: world.size)
    var incoming = Array(repeating: 0, count: world.size)
    try counts.withUnsafeBytes { counts in
      try incoming.withUnsafeMutableBytes {
        try startAllToAll(counts, counts: word, into: $0, counts: word).wait()
      }
    }
    let outgoing = parts.count == 1 ? parts[0] : Array(parts.joined())
    var received = [UInt8](repeating: 0, count: incoming.reduce(0, +))
    try outgoing.withUnsafeBytes { outgoing in
      try received.withUnsafeMutableBytes {
        try startAllToAll(outgoing, counts: counts, into: $0, counts: incoming).wait()
      }
    }
    var end = 0
    return incoming.map { count in
      end += count
      return Array(received[(end - count)..<end])
    }
  }

  /// The values that `body` makes on every rank, those of all in the order of the ranks. Nil if it makes none
  /// on some rank, as where someone has asked to end.
  ///
  /// - Throws: ``RankFailure`` on every rank if `body` throws on one, or where there is one rank only the
  ///   error of `body` itself.
  package func collect<Value: BitwiseCopyable>(_ body: () throws -> [Value]?) throws -> [Value]? {
    guard world.size > 1 else { return try body() }
    var own: [Value] = []
    let counts = try together {
      guard let values = try body() else { return -1 }
      own = values
      return values.count
    }
    guard !counts.contains(-1) else { return nil }
    let total = counts.reduce(0, +)
    let start = counts[..<world.rank].reduce(0, +)
    return try [Value](unsafeUninitializedCapacity: total) { values, initialized in
      for (index, value) in own.enumerated() { values[start + index] = value }
      try startAllGather(
        UnsafeMutableRawBufferPointer(values), counts: counts.map { $0 * MemoryLayout<Value>.stride }
      ).wait()
      initialized = total
    }
  }
}
