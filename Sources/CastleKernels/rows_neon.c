#if defined(__aarch64__)
#include "castle_row_kernels.h"

#include "begin_neon.h"
#include "simd.h"
#include "exponentials.h"
#include "rows_template.h"
#include "end_isa.h"
#endif
