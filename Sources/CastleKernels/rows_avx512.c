#if defined(__x86_64__)
#include "castle_row_kernels.h"

#include "begin_avx512.h"
#include "simd.h"
#include "exponentials.h"
#include "rows_template.h"
#include "end_isa.h"
#endif
