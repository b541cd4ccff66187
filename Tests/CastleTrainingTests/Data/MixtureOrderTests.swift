import CastleTraining
import Testing

struct MixtureOrderTests {
  @Test(arguments: [[1.0], [1, 1], [3, 1], [5, 3, 1, 0.5], [0.7, 0.2, 0.1], [1e-3, 1], [1e300, 1e300]])
  func everyTextHasItsShareAtEveryMoment(weights: [Double]) throws {
    let order = try #require(MixtureOrder(weights: weights))
    let largest = try #require(weights.max())
    let sum = weights.reduce(0) { $0 + $1 / largest }
    var counts = Array(repeating: 0, count: weights.count)
    for position in 0..<2 * MixtureOrder.blockSize + 100 {
      let place = order.place(at: position)
      #expect(place.position == counts[place.text])
      counts[place.text] += 1
      guard position.isMultiple(of: 97) else { continue }
      for text in weights.indices {
        let share = weights[text] / largest / sum * Double(position + 1)
        #expect(abs(Double(counts[text]) - share) < 4, "text \(text) at \(position)")
        #expect(order.count(of: text, before: position + 1) == counts[text])
      }
    }
  }

  @Test func aWeightThatIsTooSmallIsRefused() {
    #expect(MixtureOrder(weights: [1, 1e-6]) == nil)
  }
}
