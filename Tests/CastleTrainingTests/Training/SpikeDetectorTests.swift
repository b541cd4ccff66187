import CastleTraining
import Testing

struct SpikeDetectorTests {
  @Test func nothingIsASpikeUntilThereAreEnoughValues() {
    var detector = SpikeDetector()
    for _ in 0..<SpikeDetector.capacity {
      #expect(detector.deviation(of: 1e9) == nil)
      detector.add(1)
    }
    #expect(detector.deviation(of: 2) == .infinity)
    #expect(detector.deviation(of: 1) == 0)
  }

  @Test func theDistanceIsInStandardDeviationsOfTheLastValues() throws {
    var detector = SpikeDetector()
    for index in 0..<1000 { detector.add(Double(index % 2)) }
    #expect(try #require(detector.deviation(of: 2)) == 3)
  }
}
