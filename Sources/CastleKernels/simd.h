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

/// Two vectors side by side. An exponential is one long chain of dependent steps; two chains at a time keep the
/// processor busy.
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

/// e^x for -105 <= x <= 89, to one unit in the last place and the error that |x| 3e-9 more in x would make (half a
/// unit of x itself is up to ten times that). NaN for NaN. With AVX2, x may be
/// less, and all below -86.6 give 0.
///
/// Adding 1.5 · 2^k leaves x / ln 2 rounded to 23 - k binary places in the low bits, the rest is r.
CASTLE_INLINE vf2 vf2_exp_bounded(vf2 x) {
#if defined(CASTLE_AVX512)
  // In sixteenths: x = (m + i / 16) ln 2 + r, |r| <= ln 2 / 32, and e^x = 2^m 2^(i/16) (1 + r + r²/2 + r³/6).
  const vf powers = {1.0f,        1.044273782f, 1.090507733f, 1.138788635f, 1.189207115f, 1.241857812f,
                     1.296839555f, 1.354255547f, 1.414213562f, 1.476826146f, 1.542210825f, 1.610490332f,
                     1.681792831f, 1.756252160f, 1.834008086f, 1.915206561f};
  const vf2 round = vf2_set(786432.0f);
  const vf2 places = vf2_fma(x, vf2_set(1.442695041f), round);
  const vf2 n = places - round;
  const vf2 r = vf2_fma(n, vf2_set(-0.693147181f), x);
  const vf2 p = vf2_fma(vf2_fma(r, vf2_set(1.666666667e-1f), vf2_set(0.5f)), r * r, r);
  const vf2 power = vf2_join(
      (vf)_mm512_permutexvar_ps((__m512i)vf2_low(places), (__m512)powers),
      (vf)_mm512_permutexvar_ps((__m512i)vf2_high(places), (__m512)powers));
  const vf2 y = vf2_fma(power, p, power);
  return vf2_join(
      (vf)_mm512_scalef_ps((__m512)vf2_low(y), (__m512)vf2_low(n)),
      (vf)_mm512_scalef_ps((__m512)vf2_high(y), (__m512)vf2_high(n)));
#elif defined(CASTLE_AVX2)
  // In eighths: x = (m + i / 8) ln 2 + r, |r| <= ln 2 / 16; e^r = 1 + r + r² P(r), where P has the smallest relative
  // error (2e-10). The table holds the bits of 2^(i/8 - 1) less i << 20, so that adding (8 m + i) << 20 makes them
  // 2^(m + i/8 - 1): half of what is wanted, since 2^128 is not a float.
  const __m256i powers = _mm256_setr_epi32(
      0x3f000000, 0x3efb95c2, 0x3ef837f0, 0x3ef5fed7, 0x3ef504f3, 0x3ef5672a, 0x3ef744fd, 0x3efac0c7);
  const vf2 round = vf2_set(1572864.0f);
  const vf2 places = vf2_fma(x, vf2_set(1.442695041f), round);
  const vf2 r = vf2_fma(places - round, vf2_set(-0.693147181f), x);
  vf2 p = vf2_fma(r, vf2_set(4.166043243e-2f), vf2_set(1.666802590e-1f));
  p = vf2_fma(p, r, vf2_set(5.000000128e-1f));
  p = vf2_fma(p, r * r, r);
  const vf low = vf2_low(places), high = vf2_high(places);
  const vi2 power = (vi2)vf2_join(
      (vf)_mm256_permutevar8x32_epi32(powers, (__m256i)low), (vf)_mm256_permutevar8x32_epi32(powers, (__m256i)high));
  const vf2 half = (vf2)(power + ((vi2)places << 20));
  const vf2 y = vf2_fma(half, p, half);
  return (vf2)((vi2)(y + y) & ~(x < -86.6f));
#else
  // In whole numbers: |r| <= ln 2 / 2; e^r = 1 + r + r² P(r), where P is the polynomial of degree 4 with the
  // smallest relative error (3e-9) on that interval.
  const vf2 round = vf2_set(12582912.0f);
  const vf2 n = vf2_fma(x, vf2_set(1.442695041f), round) - round;
  const vf2 r = vf2_fma(n, vf2_set(-0.693147181f), x);
  vf2 p = vf2_fma(r, vf2_set(1.381453942e-3f), vf2_set(8.368745446e-3f));
  p = vf2_fma(p, r, vf2_set(4.166838899e-2f));
  p = vf2_fma(p, r, vf2_set(1.666652113e-1f));
  p = vf2_fma(p, r, vf2_set(4.999999404e-1f));
  p = vf2_fma(p, r * r, r) + 1.0f;
  // Two factors, since neither 2^128 nor 2^-150 is a float.
  const vi2 exponent = __builtin_convertvector(n, vi2);
  const vi2 half = exponent >> 1;
  const vf2 low = (vf2)((half + 127) << 23);
  const vf2 high = (vf2)((exponent - half + 127) << 23);
  return p * low * high;
#endif
}

/// x, at least `low` and at most `high`; NaN for NaN.
CASTLE_INLINE vf2 vf2_clamp(vf2 x, float low, float high) {
  const vf a = vf_set(low), b = vf_set(high);
  return vf2_join(vf_min(b, vf_max(a, vf2_low(x))), vf_min(b, vf_max(a, vf2_high(x))));
}

/// x, at least `low`; NaN for NaN.
CASTLE_INLINE vf2 vf2_at_least(vf2 x, float low) {
  const vf a = vf_set(low);
  return vf2_join(vf_max(a, vf2_low(x)), vf_max(a, vf2_high(x)));
}

/// e^x for x <= 89, 0 far below; for its error see `vf2_exp_bounded`.
CASTLE_INLINE vf2 vf2_exp_small(vf2 x) {
#if defined(CASTLE_AVX2)
  return vf2_exp_bounded(x);
#else
  return vf2_exp_bounded(vf2_at_least(x, -105.0f));
#endif
}

/// e^x, 0 far below, infinity above 88.73; for its error see `vf2_exp_bounded`.
CASTLE_INLINE vf2 vf2_exp(vf2 x) { return vf2_exp_bounded(vf2_clamp(x, -105.0f, 89.0f)); }

/// 1 / (1 + e^-x).
CASTLE_INLINE vf2 vf2_sigmoid(vf2 x) {
  return 1.0f / (1.0f + vf2_exp_bounded(-vf2_clamp(x, -89.0f, 105.0f)));
}

/// `vf2_sigmoid` for what is multiplied by x afterwards: the result for NaN may be any.
CASTLE_INLINE vf2 vf2_sigmoid_factor(vf2 x) {
#if defined(CASTLE_AVX512)
  enum { SMALLER_MAGNITUDE_SIGN_OF_FIRST = 2 };
  const __m512 limit = _mm512_set1_ps(89.0f);
  const vf2 bounded = vf2_join(
      (vf)_mm512_range_ps((__m512)vf2_low(x), limit, SMALLER_MAGNITUDE_SIGN_OF_FIRST),
      (vf)_mm512_range_ps((__m512)vf2_high(x), limit, SMALLER_MAGNITUDE_SIGN_OF_FIRST));
  return 1.0f / (1.0f + vf2_exp_bounded(-bounded));
#else
  return vf2_sigmoid(x);
#endif
}

CASTLE_INLINE vf vf_exp(vf x) { return vf2_low(vf2_exp(vf2_join(x, x))); }
