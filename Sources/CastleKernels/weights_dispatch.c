#include "castle_weight_kernels.h"

extern const castle_weight_kernels castle_weight_kernels_portable;
extern const castle_weight_kernels castle_weight_kernels_neon;
extern const castle_weight_kernels castle_weight_kernels_avx2;
extern const castle_weight_kernels castle_weight_kernels_avx512;
extern const castle_weight_kernels castle_weight_kernels_avx512vnni;

const castle_weight_kernels *castle_weight_kernels_baseline_for(castle_isa isa) {
  if (!castle_isa_is_available(isa)) return 0;
  switch (isa) {
#if defined(__aarch64__)
    case CASTLE_ISA_NEON:
      return &castle_weight_kernels_neon;
#endif
#if defined(__x86_64__)
    case CASTLE_ISA_AVX2:
      return &castle_weight_kernels_avx2;
    case CASTLE_ISA_AVX512:
      return &castle_weight_kernels_avx512;
#endif
    default:
      return &castle_weight_kernels_portable;
  }
}

const castle_weight_kernels *castle_weight_kernels_for(castle_isa isa) {
  const castle_weight_kernels *kernels = castle_weight_kernels_baseline_for(isa);
#if defined(__x86_64__)
  if (kernels == &castle_weight_kernels_avx512 && __builtin_cpu_supports("avx512vnni"))
    return &castle_weight_kernels_avx512vnni;
#endif
  return kernels;
}
