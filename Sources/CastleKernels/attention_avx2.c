#if defined(__x86_64__)
#include "castle_attention_kernels.h"

#include "begin_avx2.h"
#include "simd.h"
#include "exponentials.h"
#include "product_template.h"
#include "transpose_template.h"
#include "scores_template.h"
#include "decode_template.h"
#include "end_isa.h"
#endif
