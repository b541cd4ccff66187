// From here to end_isa.h, functions are compiled for AVX2 and FMA.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CASTLE_AVX2 1
#define CASTLE_LANES 8
#define CASTLE_NAME(name) name##_avx2
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
