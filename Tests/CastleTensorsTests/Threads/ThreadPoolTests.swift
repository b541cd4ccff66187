import CastleSystem
import CastleTensors
import Foundation
import Synchronization
import Testing

struct ThreadPoolTests {
  @Test(arguments: 1...6)
  func everyIndexRunsOnceAndNestedCallsStayOnTheirThread(threads: Int) {
    let pool = ThreadPool(threadCount: threads)
    for count in [0, 1, 2, 3, 17, 64, 1000] {
      let calls = (0..<count).map { _ in Counter() }
      pool.forEach(count) { index, thread in
        calls[index].add(1)
        #expect(thread < threads)
        guard count > 1 else { return }
        pool.forEach(3) { _, inner in
          calls[index].add(1)
          #expect(inner == thread)
        }
      }
      #expect(calls.allSatisfy { $0.value == (count > 1 ? 4 : 1) })
    }
  }

  @Test func rangesCoverAllWithoutOverlap() {
    let pool = ThreadPool(threadCount: 3)
    for (count, minimum, parts) in [(0, 1, 1), (1, 1, 4), (10, 4, 1), (1000, 7, 4), (5, 100, 2)] {
      let calls = (0..<count).map { _ in Counter() }
      pool.forEachRange(of: count, minimum: minimum, partsPerThread: parts) { range in
        #expect(count < minimum || count == 0 || range.count >= minimum)
        for index in range { calls[index].add(1) }
      }
      #expect(calls.allSatisfy { $0.value == 1 })
    }
  }

  /// Jobs of all lengths, with pauses that let workers fall asleep in between.
  @Test func noJobIsLostBetweenWakingAndSleeping() {
    for round in 0..<40 {
      let pool = ThreadPool(threadCount: 1 + round % 4)
      let sum = Counter()
      for job in 0..<100 {
        if job % 25 == round % 25 { usleep(500) }
        pool.forEach(job % 9) { sum.add($0) }
      }
      let expected = (0..<100).map { $0 % 9 * ($0 % 9 - 1) / 2 }.reduce(0, +)
      #expect(sum.value == expected)
    }
  }

  @Test func twoThreadsMayShareAPool() async {
    let pool = ThreadPool(threadCount: 3)
    let sum = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask { for _ in 0..<200 { pool.forEach(10) { sum.add($0) } } }
      }
    }
    #expect(sum.value == 4 * 200 * 45)
  }

  #if compiler(>=6.3) && os(Linux)
    /// Another process, whose memory has no room for the stacks of so many threads.
    @Test func fewerThreadsThanWantedDoTheWorkOfAll() async {
      await #expect(processExitsWith: .success) {
        var limit = rlimit(rlim_cur: 1_500_000_000, rlim_max: 1_500_000_000)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
        #expect(throws: ThreadShortage.self) { try ThreadPool(starting: 512) }
        let pool = ThreadPool(threadCount: 512)
        let sum = Counter()
        pool.forEach(1_000) { index, thread in
          #expect(thread < 512)
          sum.add(index)
        }
        #expect(pool.threadCount == 512 && sum.value == 499_500)
      }
    }
  #endif

  @Test func processorsAreThoseThatTheProcessMayUse() {
    #expect(Processors.available >= 1)
    #expect(Processors.count(inStatus: "Name:\tx\nCpus_allowed:\tff,0000000f\nMems_allowed:\t1\n") == 12)
    #expect(Processors.count(inStatus: "Name:\tx\n") == nil)
    #expect(Processors.count(inQuota: "150000 100000\n") == 2)
    #expect(Processors.count(inQuota: "max 100000\n") == nil)
    #expect(Processors.count(inQuota: "") == nil)
  }
}

/// A number that several threads may raise.
private final class Counter: Sendable {
  private let atomic = Atomic<Int>(0)
  var value: Int { atomic.load(ordering: .sequentiallyConsistent) }
  func add(_ amount: Int) { atomic.add(amount, ordering: .sequentiallyConsistent) }
}
