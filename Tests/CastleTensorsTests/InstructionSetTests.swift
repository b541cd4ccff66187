import CastleTensors
import Testing

struct InstructionSetTests {
  @Test func theBestIsTheLastOfThoseAvailable() {
    let available = InstructionSet.available
    #expect(available.first == .portable && available.last == .best)
    #expect(available == InstructionSet.allCases.filter { available.contains($0) })
    #if arch(x86_64)
      #expect(!available.contains(.neon))
    #elseif arch(arm64)
      #expect(available == [.portable, .neon])
    #endif
  }

  @Test func namesAreThoseOfTheCommandLine() {
    #expect(InstructionSet.allCases.map(\.rawValue) == ["portable", "neon", "avx2", "avx512"])
    #expect(InstructionSet.allCases.allSatisfy { InstructionSet(rawValue: $0.rawValue) == $0 })
  }
}
