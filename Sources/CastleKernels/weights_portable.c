#include "castle_weight_kernels.h"

#include "begin_portable.h"
#include "simd.h"
#include "weights_template.h"
#include "quantized_template.h"
#include "packing_template.h"
#include "end_isa.h"
