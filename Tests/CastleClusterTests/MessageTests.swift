import CastleCluster
import CastleFormats
import Testing

@Suite struct MessageTests {
  @Test func whatIsWrittenIsReadInItsOrder() {
    var writer = MessageWriter()
    writer.add(-7)
    writer.add("é, 語")
    writer.add([UInt8]())
    writer.add([1.5, -.infinity])
    writer.add(Int.max)
    var reader = MessageReader(writer.bytes)
    #expect(reader.number() == -7)
    #expect(reader.text() == "é, 語")
    #expect(reader.values(of: UInt8.self).isEmpty)
    #expect(reader.values(of: Double.self) == [1.5, -.infinity])
    #expect(reader.number() == .max)
  }

  /// Rank r sends 10 r + s bytes to rank s.
  @Test(arguments: 1...4) func partsOfUnknownSizeReachTheirRanks(ranks: Int) throws {
    let received = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let rank = communicator.world.rank
      return try communicator.exchange(
        (0..<ranks).map { Array(repeating: UInt8(16 * rank + $0), count: 10 * rank + $0) })
    }
    for (rank, parts) in received.enumerated() {
      #expect(parts == (0..<ranks).map { Array(repeating: UInt8(16 * $0 + rank), count: 10 * $0 + rank) })
    }
  }

  @Test(arguments: 1...4) func valuesOfAllRanksAreCollectedInOrder(ranks: Int) throws {
    let collected = try ThreadCommunicator.run(ranks: ranks) { communicator -> [Double]? in
      try communicator.collect { communicator.world.share(of: 10).map { Double($0) } }
    }
    #expect(collected == Array(repeating: (0..<10).map(Double.init), count: ranks))
    let missing = try ThreadCommunicator.run(ranks: ranks) { communicator -> [Int]? in
      try communicator.collect { communicator.world.rank == ranks - 1 ? nil : [1] }
    }
    #expect(missing == Array(repeating: nil, count: ranks))
  }

  @Test func aFailureWhileCollectingIsTheFailureOfAll() throws {
    let messages = try ThreadCommunicator.run(ranks: 3) { communicator in
      do {
        let values: [Int]? = try communicator.collect {
          if communicator.world.rank == 2 { throw InputError("the weights are damaged") }
          return [1]
        }
        return "\(values ?? [])"
      } catch let error as RankFailure {
        return error.description
      }
    }
    #expect(messages == Array(repeating: "rank 2 on thread 2: the weights are damaged", count: 3))
  }
}
