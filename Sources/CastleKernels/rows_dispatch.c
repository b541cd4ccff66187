#include "castle_row_kernels.h"

extern const castle_row_kernels castle_row_kernels_portable;
extern const castle_row_kernels castle_row_kernels_neon;
extern const castle_row_kernels castle_row_kernels_avx2;
extern const castle_row_kernels castle_row_kernels_avx512;

const castle_row_kernels *castle_row_kernels_for(castle_isa isa) {
  if (!castle_isa_is_available(isa)) return 0;
  switch (isa) {
#if defined(__aarch64__)
    case CASTLE_ISA_NEON:
      return &castle_row_kernels_neon;
#endif
#if defined(__x86_64__)
    case CASTLE_ISA_AVX2:
      return &castle_row_kernels_avx2;
    case CASTLE_ISA_AVX512:
      return &castle_row_kernels_avx512;
#endif
    default:
      return &castle_row_kernels_portable;
  }
}
