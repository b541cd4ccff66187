import CastleServing
import Testing

@Suite struct ServingErrorTests {
  @Test func refusalsSayTheNumbers() {
    let error = ServingError.cannotFit(tokens: 512, neededBytes: 4096, plannedBytes: 1024)
    #expect(
      "\(error)"
        == "512 tokens take 4096 bytes of caches, more than the 1024 planned for all requests; "
        + "ask for fewer tokens"
    )
  }
}
