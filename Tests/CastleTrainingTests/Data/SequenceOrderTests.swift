import CastleTraining
import Testing

struct SequenceOrderTests {
  @Test(arguments: [1, 2, 3, 7, 64, 65, 1000, 4097])
  func everyEpochHasEverySequenceOnce(count: Int) {
    let order = SequenceOrder(count: count, seed: 5)
    for epoch in 0..<3 {
      let sequences = (0..<count).map { order.sequence(at: epoch * count + $0) }
      #expect(sequences.sorted() == Array(0..<count))
    }
  }

  @Test func epochsAndSeedsDiffer() {
    func epoch(_ number: Int, seed: UInt64) -> [Int] {
      let order = SequenceOrder(count: 1000, seed: seed)
      return (0..<1000).map { order.sequence(at: number * 1000 + $0) }
    }
    #expect(epoch(0, seed: 1) != epoch(1, seed: 1))
    #expect(epoch(0, seed: 1) != epoch(0, seed: 2))
    #expect(epoch(3, seed: 1) == epoch(3, seed: 1))
  }

  /// Neighbors in the order are about as far apart as two random sequences.
  @Test func theOrderIsMixed() {
    let count = 10_000
    let order = SequenceOrder(count: count, seed: 9)
    let sequences = (0..<count).map { order.sequence(at: $0) }
    let distance = zip(sequences, sequences.dropFirst()).reduce(0) { $0 + abs($1.0 - $1.1) } / (count - 1)
    #expect((3000...3700).contains(distance))
  }
}
