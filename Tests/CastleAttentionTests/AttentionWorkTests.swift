import CastleAttention
import Testing

struct AttentionWorkTests {
  /// Equations, Work: 5.5 and 15.5 units where a lookahead key still moves, 3 and 8 where it stands still,
  /// and 2 and 5 without lookahead.
  @Test(arguments: [Mechanism.causal, .castle, .slidingWindow(1), .slidingWindow(3), .slidingWindow(40)])
  func everyPairIsCountedOnce(mechanism: Mechanism) {
    let (heads, length, headSize) = (3, 20, 4)
    var (forward, backward) = (0.0, 0.0)
    for t in 0..<length {
      for s in 0...t {
        let moves = s == t || mechanism.reads(distance: t - s)
        forward += mechanism.hasLookahead ? (moves ? 5.5 : 3) : 2
        backward += mechanism.hasLookahead ? (moves ? 15.5 : 8) : 5
      }
    }
    let work = AttentionWork(mechanism: mechanism, heads: heads, length: length, headSize: headSize)
    let unit = Double(2 * headSize * heads)
    #expect(work.forwardOperations == forward * unit)
    #expect(work.backwardOperations == backward * unit)
  }
}
