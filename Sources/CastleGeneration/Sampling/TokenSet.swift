/// Tokens that have occurred, each once, in the order of their first occurrence.
struct TokenSet: Sendable {
  private(set) var tokens: [Int32] = []
  private var isMember: [Bool] = []

  mutating func insert(_ token: Int32) {
    let index = Int(token)
    guard index >= 0 else { return }
    if index >= isMember.count {
      let size = max(index + 1, 2 * isMember.count)
      isMember.append(contentsOf: repeatElement(false, count: size - isMember.count))
    }
    guard !isMember[index] else { return }
    isMember[index] = true
    tokens.append(token)
  }
}
