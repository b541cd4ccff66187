// From here to end_isa.h, functions are compiled for AVX-512 with VNNI, which sums products of bytes.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CASTLE_AVX512 1
#define CASTLE_VNNI 1
#define CASTLE_LANES 16
#define CASTLE_NAME(name) name##_avx512vnni
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
