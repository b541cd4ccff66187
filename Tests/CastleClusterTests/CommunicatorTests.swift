import CastleCluster
import CastleFormats
import Testing

/// What every communicator does, on threads.
@Suite struct CommunicatorTests {
  private struct Failure: Error {}

  @Test(arguments: 1...4) func partsOfAnySizeReachTheirRanks(ranks: Int) throws {
    let received = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let rank = communicator.world.rank
      // Rank r sends s + 2r bytes of the value 10 r + s to rank s.
      let send = (0..<ranks).flatMap { Array(repeating: UInt8(10 * rank + $0), count: $0 + 2 * rank) }
      let counts = (0..<ranks).map { $0 + 2 * rank }
      let receiveCounts = (0..<ranks).map { rank + 2 * $0 }
      var receive = [UInt8](repeating: 99, count: receiveCounts.reduce(0, +))
      try send.withUnsafeBytes { send in
        try receive.withUnsafeMutableBytes {
          try communicator.startAllToAll(send, counts: counts, into: $0, counts: receiveCounts).wait()
        }
      }
      return receive
    }
    for (rank, bytes) in received.enumerated() {
      let expected: [UInt8] = (0..<ranks).flatMap {
        Array(repeating: UInt8(10 * $0 + rank), count: rank + 2 * $0)
      }
      #expect(bytes == expected)
    }
  }

  @Test(arguments: 1...4) func exchangesAreWaitedForInAnyOrder(ranks: Int) throws {
    let results = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let world = communicator.world
      let shares = world.shares(of: 11)
      var gathered = [UInt8](repeating: 0, count: 11)
      for place in shares[world.rank] { gathered[place] = UInt8(place) }
      var told = [UInt8](repeating: UInt8(world.rank), count: 3)
      try gathered.withUnsafeMutableBytes { gathered in
        try told.withUnsafeMutableBytes { told in
          let first = communicator.startAllGather(gathered, counts: shares.map(\.count))
          let second = communicator.startBroadcast(told, from: world.size - 1)
          let third = communicator.startBarrier()
          for collective in world.rank.isMultiple(of: 2) ? [third, second, first] : [first, second, third] {
            try collective.wait()
          }
        }
      }
      return gathered + told
    }
    let last = UInt8(ranks - 1)
    let expected: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, last, last, last]
    for result in results { #expect(result == expected) }
  }

  /// 1 is lost beside 1e16, in one order only.
  @Test func sumsAreTakenInTheOrderOfTheRanks() throws {
    let values = [1e16, 1, -1e16, 1]
    let sums = try ThreadCommunicator.run(ranks: 4) { try $0.sum(values[$0.world.rank]) }
    #expect(sums == Array(repeating: 1, count: 4))
  }

  @Test(arguments: 1...4) func textsAreGatheredAndTold(ranks: Int) throws {
    let texts = (0..<ranks).map { String(repeating: "é", count: $0) }
    let results = try ThreadCommunicator.run(ranks: ranks) {
      (try $0.gather(texts[$0.world.rank]), try $0.broadcast("from \($0.world.rank)"))
    }
    for (gathered, told) in results {
      #expect(gathered == texts)
      #expect(told == "from 0")
    }
  }

  @Test func aFailureOfOneIsTheFailureOfAll() throws {
    let messages = try ThreadCommunicator.run(ranks: 3) { communicator in
      do {
        _ = try communicator.together {
          if communicator.world.rank == 1 { throw InputError("the disk is full") }
          return 1
        }
        return "nothing"
      } catch let error as RankFailure {
        return error.description
      }
    }
    #expect(messages == Array(repeating: "rank 1 on thread 1: the disk is full", count: 3))
  }

  @Test func whoWaitsForOneThatIsGoneIsWoken() {
    #expect(throws: Failure.self) {
      _ = try ThreadCommunicator.run(ranks: 3) { communicator in
        if communicator.world.rank == 2 { throw Failure() }
        try communicator.barrier()
        return true
      }
    }
  }

  @Test func whatDiffersIsNamed() throws {
    #expect {
      _ = try ThreadCommunicator.run(ranks: 3) { communicator in
        try communicator.requireSame("version", communicator.world.rank == 1 ? "2" : "1", shows: true)
        return true
      }
    } throws: {
      "\($0)".hasPrefix("rank 1 on thread 1 has another version than rank 0: 2 instead of 1")
    }
  }

  @Test func launchersAreKnownByTheirVariables() {
    #expect(LaunchedRank(environment: ["HOME": "/root", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"]) == nil)
    let mpi = LaunchedRank(environment: [
      "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "PMI_RANK": "0",
    ])
    #expect(mpi.map { [$0.rank, $0.size] } == [1, 4])
    let srun = LaunchedRank(environment: ["SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "3"])
    #expect(srun.map { [$0.rank, $0.size] } == [2, 3])
    #expect(srun?.needsMPI.description.contains("make build MPI=1") == true)
    #expect(LaunchedRank(environment: ["PMI_RANK": "4", "PMI_SIZE": "4"]) == nil)
  }
}
