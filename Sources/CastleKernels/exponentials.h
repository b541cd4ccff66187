// Powers of two and of e, and sigmoids. Included after simd.h.
#pragma once

/// Adding it to y leaves y in the low bits, rounded to whole numbers, or with the wider tables to eighths and
/// sixteenths.
#if defined(CASTLE_AVX512)
#define CASTLE_ROUNDING 786432.0f
#elif defined(CASTLE_AVX2)
#define CASTLE_ROUNDING 1572864.0f
#else
#define CASTLE_ROUNDING 12582912.0f
#endif

/// 2^(n + r), where `places` is n + CASTLE_ROUNDING and r is at most half a place; -126 <= n + r <= 127.4. To
/// 1.3 units in the last place. NaN if r is NaN.
///
/// 2^r = 1 + r Q(r), where Q has the smallest relative error (2e-10 to 3e-9). The tables hold the bits of
/// 2^(i/16) or 2^(i/8), less i in the places that i has in the low bits of n, so that adding these bits gives
/// 2^n.
CASTLE_INLINE vf2 vf2_power(vf2 places, vf2 r) {
#if defined(CASTLE_AVX512)
  const __m512i table = _mm512_setr_epi32(
      0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
      0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
  const vf low = (vf)_mm512_permutexvar_epi32((__m512i)vf2_low(places), table);
  const vf high = (vf)_mm512_permutexvar_epi32((__m512i)vf2_high(places), table);
  const vf2 whole = (vf2)((vi2)vf2_join(low, high) + ((vi2)places << 19));
  vf2 q = vf2_fma(r, vf2_set(5.550234765e-2f), vf2_set(2.402342856e-1f));
#elif defined(CASTLE_AVX2)
  const __m256i table = _mm256_setr_epi32(
      0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7, 0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7);
  const vf low = (vf)_mm256_permutevar8x32_epi32(table, (__m256i)vf2_low(places));
  const vf high = (vf)_mm256_permutevar8x32_epi32(table, (__m256i)vf2_high(places));
  const vf2 whole = (vf2)((vi2)vf2_join(low, high) + ((vi2)places << 20));
  vf2 q = vf2_fma(r, vf2_set(9.618093260e-3f), vf2_set(5.550799891e-2f));
  q = vf2_fma(q, r, vf2_set(2.402265072e-1f));
#else
  const vf2 whole = (vf2)(((vi2)places << 23) + 0x3f800000);
  vf2 q = vf2_fma(r, vf2_set(1.532646274e-4f), vf2_set(1.339080627e-3f));
  q = vf2_fma(q, r, vf2_set(9.618505836e-3f));
  q = vf2_fma(q, r, vf2_set(5.550359935e-2f));
  q = vf2_fma(q, r, vf2_set(2.402264774e-1f));
#endif
  q = vf2_fma(q, r, vf2_set(6.931471825e-1f));
  return vf2_fma(whole * r, q, whole);
}

/// 2^y for -126 <= y <= 127.4. NaN for NaN.
CASTLE_INLINE vf2 vf2_exp2_bounded(vf2 y) {
  const vf2 places = y + CASTLE_ROUNDING;
  return vf2_power(places, y - (places - CASTLE_ROUNDING));
}

/// x, at most `high`; NaN for NaN.
CASTLE_INLINE vf2 vf2_at_most(vf2 x, float high) {
  const vf b = vf_set(high);
  return vf2_join(vf_min(b, vf2_low(x)), vf_min(b, vf2_high(x)));
}

/// x, at least `low` and at most `high`; NaN for NaN.
CASTLE_INLINE vf2 vf2_clamp(vf2 x, float low, float high) {
  const vf a = vf_set(low), b = vf_set(high);
  return vf2_join(vf_min(b, vf_max(a, vf2_low(x))), vf_min(b, vf_max(a, vf2_high(x))));
}

/// 2^y for y <= 127.4; 0 for y < -126.
CASTLE_INLINE vf2 vf2_exp2_small(vf2 y) {
  return (vf2)((vi2)vf2_exp2_bounded(y) & ~(y < -126.0f));
}

/// 2^y; 0 for y < -126, and above 127.4 no more than there.
CASTLE_INLINE vf2 vf2_exp2(vf2 y) { return vf2_exp2_small(vf2_at_most(y, 127.4f)); }

/// 2^(x factor) for -126 <= x factor <= 127.4, of the product as it is where the processor can, else rounded.
/// NaN for NaN.
CASTLE_INLINE vf2 vf2_exp2_of_product(vf2 x, float factor) {
  const vf2 places = vf2_fma(x, vf2_set(factor), vf2_set(CASTLE_ROUNDING));
  return vf2_power(places, vf2_fma(x, vf2_set(factor), CASTLE_ROUNDING - places));
}

/// As a float it is 1.9e-8 too little, so that e^x is off by up to 1.4e-8 |x|: less than half a unit of x
/// makes.
#define LOG2_E 1.442695041f
#define LN_2 0.693147181f

/// e^x; 0 for x < -87.3, and above 88.3 no more than there.
CASTLE_INLINE vf2 vf2_exp(vf2 x) {
  return (vf2)((vi2)vf2_exp2_of_product(vf2_at_most(x, 88.3f), LOG2_E) & ~(x < -87.3f));
}

/// 1 / (1 + e^-x).
CASTLE_INLINE vf2 vf2_sigmoid(vf2 x) {
  return 1.0f / (1.0f + vf2_exp2_of_product(vf2_clamp(x, -88.3f, 87.3f), -LOG2_E));
}

/// 1 / (1 + 2^-y).
CASTLE_INLINE vf2 vf2_sigmoid2(vf2 y) {
  return 1.0f / (1.0f + vf2_exp2_bounded(-vf2_clamp(y, -127.4f, 126.0f)));
}

/// 1 / (1 + 2^-y), for what is multiplied by y afterwards: the result for NaN may be any.
CASTLE_INLINE vf2 vf2_sigmoid2_factor(vf2 y) {
#if defined(CASTLE_AVX512)
  enum { SMALLER_MAGNITUDE_SIGN_OF_FIRST = 2 };
  const __m512 limit = _mm512_set1_ps(126.0f);
  const vf2 bounded = vf2_join(
      (vf)_mm512_range_ps((__m512)vf2_low(y), limit, SMALLER_MAGNITUDE_SIGN_OF_FIRST),
      (vf)_mm512_range_ps((__m512)vf2_high(y), limit, SMALLER_MAGNITUDE_SIGN_OF_FIRST));
  return 1.0f / (1.0f + vf2_exp2_bounded(-bounded));
#else
  return vf2_sigmoid2(y);
#endif
}
