#include "castle_isa.h"

int castle_isa_is_available(castle_isa isa) {
  switch (isa) {
    case CASTLE_ISA_PORTABLE:
      return 1;
#if defined(__aarch64__)
    case CASTLE_ISA_NEON:
      return 1;
#endif
#if defined(__x86_64__)
    case CASTLE_ISA_AVX2:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CASTLE_ISA_AVX512:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
      return 0;
  }
}
