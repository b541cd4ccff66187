// Vectors of CASTLE_LANES floats, written once for all instruction sets with the compiler's vector types.
// Included between a begin_*.h and end_isa.h.
#pragma once

// Vectors wider than a register are only passed between functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define CASTLE_INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * CASTLE_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * CASTLE_LANES)));
typedef float vf_unaligned __attribute__((vector_size(4 * CASTLE_LANES), aligned(4)));

CASTLE_INLINE vf vf_load(const float *p) { return *(const vf_unaligned *)p; }
CASTLE_INLINE void vf_store(float *p, vf x) { *(vf_unaligned *)p = x; }
CASTLE_INLINE vf vf_set(float x) { return x - (vf){0}; }

/// The first `n` lanes from memory, the others 0. 0 <= n <= CASTLE_LANES.
CASTLE_INLINE vf vf_load_first(const float *p, size_t n) {
#if defined(CASTLE_AVX512)
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  if (n == CASTLE_LANES) return vf_load(p);
  vf x = {0};
  memcpy(&x, p, 4 * n);
  return x;
#endif
}

/// Stores the first `n` lanes. 0 <= n <= CASTLE_LANES.
CASTLE_INLINE void vf_store_first(float *p, vf x, size_t n) {
#if defined(CASTLE_AVX512)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#else
  if (n == CASTLE_LANES)
    vf_store(p, x);
  else
    memcpy(p, &x, 4 * n);
#endif
}

/// Stores to an address that is a multiple of the vector's size, past the caches where the processor can.
CASTLE_INLINE void vf_store_past(float *p, vf x) { __builtin_nontemporal_store(x, (vf *)p); }

/// Orders stores past the caches before all later ones.
CASTLE_INLINE void stores_past_end(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

/// a * b + c, rounded once where the processor can.
CASTLE_INLINE vf vf_fma(vf a, vf b, vf c) {
#if defined(CASTLE_PORTABLE)
  return a * b + c;
#else
  return __builtin_elementwise_fma(a, b, c);
#endif
}

/// Lane by lane, a where the mask is all ones, b where it is zero.
CASTLE_INLINE vf vf_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

/// The larger of each pair; b if one of them is not a number.
CASTLE_INLINE vf vf_max(vf a, vf b) {
#if defined(CASTLE_AVX512)
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return vf_select(a > b, a, b);
#endif
}

/// The smaller of each pair; b if one of them is not a number.
CASTLE_INLINE vf vf_min(vf a, vf b) {
#if defined(CASTLE_AVX512)
  return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#else
  return vf_select(a < b, a, b);
#endif
}

/// Not zero if any lane of x is above `limit`.
CASTLE_INLINE int vf_exceeds(vf x, float limit) {
#if defined(CASTLE_AVX512)
  return _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(limit), _CMP_GT_OQ);
#else
  return __builtin_reduce_or(x > vf_set(limit));
#endif
}

/// The sum of all lanes, in a fixed order.
CASTLE_INLINE float vf_sum(vf x) {
#if defined(CASTLE_AVX512)
  return _mm512_reduce_add_ps((__m512)x);
#else
  float lanes[CASTLE_LANES];
  memcpy(lanes, &x, sizeof lanes);
  for (int width = CASTLE_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
#endif
}

/// The largest lane; lanes that are not numbers may be passed over.
CASTLE_INLINE float vf_largest(vf x) {
#if defined(CASTLE_AVX512)
  return _mm512_reduce_max_ps((__m512)x);
#else
  float lanes[CASTLE_LANES];
  memcpy(lanes, &x, sizeof lanes);
  for (int width = CASTLE_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++)
      lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
  return lanes[0];
#endif
}

/// Two vectors side by side. An exponential is one long chain of dependent steps; two chains at a time keep
/// the processor busy.
typedef float vf2 __attribute__((vector_size(8 * CASTLE_LANES)));
typedef int32_t vi2 __attribute__((vector_size(8 * CASTLE_LANES)));
typedef float vf2_unaligned __attribute__((vector_size(8 * CASTLE_LANES), aligned(4)));

CASTLE_INLINE vf2 vf2_load(const float *p) { return *(const vf2_unaligned *)p; }
CASTLE_INLINE void vf2_store(float *p, vf2 x) { *(vf2_unaligned *)p = x; }
CASTLE_INLINE vf2 vf2_set(float x) { return x - (vf2){0}; }

CASTLE_INLINE vf2 vf2_fma(vf2 a, vf2 b, vf2 c) {
#if defined(CASTLE_PORTABLE)
  return a * b + c;
#else
  return __builtin_elementwise_fma(a, b, c);
#endif
}

CASTLE_INLINE vf2 vf2_select(vi2 mask, vf2 a, vf2 b) { return (vf2)((mask & (vi2)a) | (~mask & (vi2)b)); }

CASTLE_INLINE vf2 vf2_join(vf low, vf high) {
  vf2 x;
  memcpy(&x, &low, sizeof low);
  memcpy((char *)&x + sizeof low, &high, sizeof high);
  return x;
}

CASTLE_INLINE vf vf2_low(vf2 x) {
  vf half;
  memcpy(&half, &x, sizeof half);
  return half;
}

CASTLE_INLINE vf vf2_high(vf2 x) {
  vf half;
  memcpy(&half, (const char *)&x + sizeof half, sizeof half);
  return half;
}
