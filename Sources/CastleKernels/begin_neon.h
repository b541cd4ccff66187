// From here to end_isa.h, functions are compiled for NEON, which every 64-bit ARM processor has.
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CASTLE_NEON 1
#define CASTLE_LANES 4
#define CASTLE_NAME(name) name##_neon
#pragma clang attribute push(__attribute__((target("neon"))), apply_to = function)
