package import CastleKernels

/// The vector instructions that the innermost loops use.
public enum InstructionSet: String, Sendable, CaseIterable {
  /// Whatever the build's baseline has.
  case portable
  /// 128-bit vectors on 64-bit ARM.
  case neon
  /// 256-bit vectors with fused multiply-add on x86-64.
  case avx2
  /// 512-bit vectors (F, BW, DQ, VL) on x86-64.
  case avx512

  /// The sets that this build has loops for and this processor can run, the slowest first.
  public static let available: [InstructionSet] = allCases.filter { castle_isa_is_available($0.cValue) != 0 }

  /// The fastest of ``available``.
  public static var best: InstructionSet { available[available.count - 1] }

  /// The loops that `find` has for this set. Ends the process with a message if this processor cannot run
  /// them.
  package func loops<Table>(_ find: (castle_isa) -> UnsafePointer<Table>?) -> UnsafePointer<Table> {
    guard let loops = find(cValue) else { fatalError("this processor has no \(self)") }
    return loops
  }

  /// The name of this set in the vector loops.
  package var cValue: castle_isa {
    switch self {
    case .portable: CASTLE_ISA_PORTABLE
    case .neon: CASTLE_ISA_NEON
    case .avx2: CASTLE_ISA_AVX2
    case .avx512: CASTLE_ISA_AVX512
    }
  }
}
