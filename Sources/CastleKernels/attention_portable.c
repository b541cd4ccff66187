#include "castle_attention_kernels.h"

#include "begin_portable.h"
#include "simd.h"
#include "exponentials.h"
#include "product_template.h"
#include "transpose_template.h"
#include "scores_template.h"
#include "end_isa.h"
