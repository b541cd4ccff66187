#include "castle_row_kernels.h"

#include "begin_portable.h"
#include "simd.h"
#include "exponentials.h"
#include "rows_template.h"
#include "end_isa.h"
