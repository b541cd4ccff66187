import CastleTensors
import Testing

@Suite struct RandomSourceTests {
  @Test func sameSeedSameNumbers() {
    var first = RandomSource(seed: 7)
    var second = RandomSource(seed: 7)
    var other = RandomSource(seed: 8)
    let numbers = (0..<100).map { _ in first.next() }
    #expect(numbers == (0..<100).map { _ in second.next() })
    #expect(numbers != (0..<100).map { _ in other.next() })
  }

  @Test func aSavedStateGoesOn() throws {
    var source = RandomSource(seed: 1)
    for _ in 0..<5 { _ = source.nextNormal() }
    var copy = try #require(RandomSource(state: source.state))
    #expect(copy == source)
    #expect((0..<9).map { _ in source.nextNormal() } == (0..<9).map { _ in copy.nextNormal() })
    #expect(RandomSource(state: .init(words: [0, 0, 0, 0], spareNormal: nil)) == nil)
    #expect(RandomSource(state: .init(words: [1], spareNormal: nil)) == nil)
  }

  @Test func momentsOfTheDistributions() {
    var source = RandomSource(seed: 3)
    let count = 200_000
    let uniform = (0..<count).map { _ in Double(source.nextFloat()) }
    let normal = (0..<count).map { _ in Double(source.nextNormal()) }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(count) }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(mean(uniform) - 0.5) < 0.005)
    #expect(abs(mean(normal)) < 0.01)
    #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 0.02)
    #expect(abs(mean(normal.map { $0 * $0 * $0 * $0 }) - 3) < 0.1)
  }

  /// The first outputs of xoshiro256++ from the state 1, 2, 3, 4.
  @Test func outputsOfTheAlgorithm() throws {
    var source = try #require(RandomSource(state: .init(words: [1, 2, 3, 4], spareNormal: nil)))
    #expect((0..<3).map { _ in source.next() } == [41_943_041, 58_720_359, 3_588_806_011_781_223])
  }
}
