// The innermost vector loops, one table of functions for each instruction set.
#pragma once

#include "castle_isa.h"
#include "castle_attention_kernels.h"
#include "castle_pause.h"
#include "castle_row_kernels.h"
#include "castle_weight_kernels.h"
