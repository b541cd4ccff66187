import CastleTraining
import Testing

struct WindowOrderTests {
  @Test(arguments: [1, 2, 3, 7, 64, 65, 1000, 4097])
  func everyEpochHasEveryWindowOnce(count: Int) {
    let order = WindowOrder(count: count, seed: 5)
    for epoch in 0..<3 {
      let windows = (0..<count).map { order.window(at: epoch * count + $0) }
      #expect(windows.sorted() == Array(0..<count))
    }
  }

  @Test func epochsAndSeedsDiffer() {
    func epoch(_ number: Int, seed: UInt64) -> [Int] {
      let order = WindowOrder(count: 1000, seed: seed)
      return (0..<1000).map { order.window(at: number * 1000 + $0) }
    }
    #expect(epoch(0, seed: 1) != epoch(1, seed: 1))
    #expect(epoch(0, seed: 1) != epoch(0, seed: 2))
    #expect(epoch(3, seed: 1) == epoch(3, seed: 1))
  }

  /// Neighbours in the order are about as far apart as two random windows.
  @Test func theOrderIsMixed() {
    let count = 10_000
    let order = WindowOrder(count: count, seed: 9)
    let windows = (0..<count).map { order.window(at: $0) }
    let distance = zip(windows, windows.dropFirst()).reduce(0) { $0 + abs($1.0 - $1.1) } / (count - 1)
    #expect((3000...3700).contains(distance))
  }
}
