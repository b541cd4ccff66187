#if defined(__x86_64__)
#include "castle_weight_kernels.h"

#include "begin_avx2.h"
#include "simd.h"
#include "weights_template.h"
#include "quantized_template.h"
#include "packing_template.h"
#include "end_isa.h"
#endif
