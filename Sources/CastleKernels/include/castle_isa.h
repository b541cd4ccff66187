#pragma once

/// The instruction sets that the loops are compiled for.
typedef enum castle_isa {
  CASTLE_ISA_PORTABLE = 0,
  CASTLE_ISA_NEON = 1,
  CASTLE_ISA_AVX2 = 2,
  CASTLE_ISA_AVX512 = 3,
} castle_isa;

/// Whether this build has the loops for `isa` and this processor can run them.
int castle_isa_is_available(castle_isa isa);
