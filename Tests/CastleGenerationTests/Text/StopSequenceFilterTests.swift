import CastleGeneration
import Testing

struct StopSequenceFilterTests {
  /// Feeds `text` in pieces of `size` bytes; returns what came out and whether it stopped.
  private func run(_ text: String, stops: [String], size: Int) -> (text: String, isStopped: Bool) {
    var filter = StopSequenceFilter(stops.map { Array($0.utf8) })
    let bytes = Array(text.utf8)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      output += filter.append(bytes[start..<min(start + size, bytes.count)])
    }
    output += filter.finish()
    return (String(decoding: output, as: UTF8.self), filter.isStopped)
  }

  @Test(arguments: [1, 2, 3, 5, 100])
  func textEndsBeforeTheStopSequence(size: Int) {
    #expect(run("one two END three", stops: ["END"], size: size) == ("one two ", true))
    #expect(run("aab aaab", stops: ["aaab"], size: size) == ("aab ", true))
    #expect(run("To be, or\n\nnot", stops: ["zzz", "\n\n"], size: size) == ("To be, or", true))
    #expect(run("Ende ENDE", stops: ["END"], size: size) == ("Ende ", true))
  }

  @Test(arguments: [1, 2, 3, 100])
  func theSequenceThatIsCompleteFirstCounts(size: Int) {
    #expect(run("abc", stops: ["abcd", "bc"], size: size) == ("a", true))
    #expect(run("lord hou hou", stops: ["lord hou hou Z", "hou"], size: size) == ("lord ", true))
    #expect(run("xab", stops: ["ab", "xab"], size: size) == ("", true))
  }

  @Test(arguments: [1, 2, 3, 100])
  func withoutAStopSequenceEverythingComesOut(size: Int) {
    #expect(run("one two EN", stops: ["END", ""], size: size) == ("one two EN", false))
    #expect(run("one", stops: [], size: size) == ("one", false))
  }

  @Test func onlyAPossibleStartIsHeldBack() {
    var filter = StopSequenceFilter([[1, 2, 3]])
    #expect(filter.append([0, 1]) == [0])
    #expect(filter.append([2]) == [])
    #expect(filter.append([4, 1]) == [1, 2, 4])
    #expect(filter.finish() == [1])
  }
}
