// The loops of castle_weight_kernels.h for weights in panels of 8 or 4 bits. Included after
// weights_template.h.
#pragma once

#include <math.h>

/// A group whose numbers are all below this is 0: the reciprocal of its scale could be infinite.
#define CASTLE_SMALLEST_LARGEST 1e-35f

#if CASTLE_LANES == 16
#define CASTLE_PANEL_ROWS 8
#else
#define CASTLE_PANEL_ROWS 4
#endif

/// How many vectors hold four inputs of every output of a panel, and how many quadruples of inputs a group
/// has.
enum { PANEL_PARTS = CASTLE_PANEL_OUTPUTS / CASTLE_LANES, GROUP_QUADS = CASTLE_GROUP_INPUTS / 4 };

typedef int32_t vi_bytes __attribute__((vector_size(4 * CASTLE_LANES), aligned(1)));

CASTLE_INLINE vi vi_load(const void *p) { return *(const vi_bytes *)p; }
CASTLE_INLINE vi vi_set(int32_t x) { return x - (vi){0}; }

/// Four inputs in every lane.
CASTLE_INLINE vi quad_of(const castle_quantized_group *x, int q) {
  int32_t quad;
  memcpy(&quad, x->values + 4 * q, sizeof quad);
  return vi_set(quad);
}

// Each instruction set has its own way to whole-number sums of products: `dots` collects them for one vector
// of outputs. 8-bit weights come as bytes of 128 + weight, 4-bit weights as bytes of 8 + weight. What a sum
// has in excess is taken off at the end. All are exact, so that the order does not matter.

#if defined(CASTLE_VNNI)

typedef vi dots;
typedef vi dots4;

CASTLE_INLINE dots dots_begin(const castle_quantized_group *x) { return vi_set(x->less128); }
CASTLE_INLINE dots4 dots4_begin(const castle_quantized_group *x) { return vi_set(x->less8); }
CASTLE_INLINE void dots_add(dots *sums, vi w, vi x) {
  *sums = (vi)_mm512_dpbusd_epi32((__m512i)*sums, (__m512i)w, (__m512i)x);
}
CASTLE_INLINE void dots4_add(dots4 *sums, vi w, vi x) { dots_add(sums, w, x); }
CASTLE_INLINE vi dots_total(dots sums, const castle_quantized_group *x) { return sums; }
CASTLE_INLINE vi dots4_total(dots4 sums, const castle_quantized_group *x) { return sums; }

#elif defined(CASTLE_AVX512)

typedef vi dots;
typedef vi dots4;

CASTLE_INLINE void dots_add(dots *sums, vi w, vi x) {
  // |w| (x sign(w)): products of bytes without and with a sign, whose sums in pairs fit 16 bits.
  const __m512i weights = _mm512_xor_si512((__m512i)w, _mm512_set1_epi8((char)0x80));
  const __m512i inputs =
      _mm512_mask_sub_epi8((__m512i)x, _mm512_movepi8_mask(weights), _mm512_setzero_si512(), (__m512i)x);
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(weights), inputs);
  *sums += (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

CASTLE_INLINE dots dots_begin(const castle_quantized_group *x) { return (vi){0}; }
CASTLE_INLINE dots4 dots4_begin(const castle_quantized_group *x) { return (vi){0}; }
CASTLE_INLINE vi dots_total(dots sums, const castle_quantized_group *x) { return sums; }

CASTLE_INLINE void dots4_add(dots4 *sums, vi w, vi x) {
  // 16 bits are enough: 8 * 2 * 15 * 127 < 2^15.
  *sums = (vi)_mm512_add_epi16((__m512i)*sums, _mm512_maddubs_epi16((__m512i)w, (__m512i)x));
}

CASTLE_INLINE vi dots4_total(dots4 sums, const castle_quantized_group *x) {
  return (vi)_mm512_madd_epi16((__m512i)sums, _mm512_set1_epi16(1)) + vi_set(x->less8);
}

#elif defined(CASTLE_AVX2)

typedef vi dots;
typedef vi dots4;

CASTLE_INLINE void dots_add(dots *sums, vi w, vi x) {
  // |w| (x sign(w)): products of bytes without and with a sign, whose sums in pairs fit 16 bits.
  const __m256i weights = _mm256_xor_si256((__m256i)w, _mm256_set1_epi8((char)0x80));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8((__m256i)x, weights));
  *sums += (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

CASTLE_INLINE dots dots_begin(const castle_quantized_group *x) { return (vi){0}; }
CASTLE_INLINE dots4 dots4_begin(const castle_quantized_group *x) { return (vi){0}; }
CASTLE_INLINE vi dots_total(dots sums, const castle_quantized_group *x) { return sums; }

CASTLE_INLINE void dots4_add(dots4 *sums, vi w, vi x) {
  // 16 bits are enough: 8 * 2 * 15 * 127 < 2^15.
  *sums = (vi)_mm256_add_epi16((__m256i)*sums, _mm256_maddubs_epi16((__m256i)w, (__m256i)x));
}

CASTLE_INLINE vi dots4_total(dots4 sums, const castle_quantized_group *x) {
  return (vi)_mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(1)) + vi_set(x->less8);
}

#elif defined(CASTLE_NEON)

/// Sums of pairs: two of each output.
typedef struct dots {
  int32x4_t low;
  int32x4_t high;
} dots;
typedef dots dots4;

CASTLE_INLINE void dots_add_signed(dots *sums, int8x16_t w, int8x16_t x) {
  sums->low = vpadalq_s16(sums->low, vmull_s8(vget_low_s8(w), vget_low_s8(x)));
  sums->high = vpadalq_s16(sums->high, vmull_high_s8(w, x));
}

CASTLE_INLINE dots dots_begin(const castle_quantized_group *x) {
  return (dots){vdupq_n_s32(0), vdupq_n_s32(0)};
}
CASTLE_INLINE dots4 dots4_begin(const castle_quantized_group *x) { return dots_begin(x); }

CASTLE_INLINE vi dots_total(dots sums, const castle_quantized_group *x) {
  return (vi)vpaddq_s32(sums.low, sums.high);
}

CASTLE_INLINE void dots_add(dots *sums, vi w, vi x) {
  dots_add_signed(sums, veorq_s8((int8x16_t)w, vdupq_n_s8(-128)), (int8x16_t)x);
}

CASTLE_INLINE void dots4_add(dots4 *sums, vi w, vi x) {
  dots_add_signed(sums, vsubq_s8((int8x16_t)w, vdupq_n_s8(8)), (int8x16_t)x);
}

CASTLE_INLINE vi dots4_total(dots4 sums, const castle_quantized_group *x) { return dots_total(sums, x); }

#else

typedef vi dots;
typedef vi dots4;

CASTLE_INLINE void dots_add(dots *sums, vi w, vi x) {
  // Byte j of every lane, without its sign from w and with it from x.
  for (int j = 0; j < 4; j++) *sums += ((w >> 8 * j) & 255) * ((x << (24 - 8 * j)) >> 24);
}

CASTLE_INLINE dots dots_begin(const castle_quantized_group *x) { return vi_set(x->less128); }
CASTLE_INLINE dots4 dots4_begin(const castle_quantized_group *x) { return vi_set(x->less8); }
CASTLE_INLINE void dots4_add(dots4 *sums, vi w, vi x) { dots_add(sums, w, x); }
CASTLE_INLINE vi dots_total(dots sums, const castle_quantized_group *x) { return sums; }
CASTLE_INLINE vi dots4_total(dots4 sums, const castle_quantized_group *x) { return sums; }

#endif

CASTLE_INLINE vf bfloat16_scales(const uint16_t *scales) {
  typedef uint16_t vs __attribute__((vector_size(2 * CASTLE_LANES)));
  typedef uint16_t vs_unaligned __attribute__((vector_size(2 * CASTLE_LANES), aligned(2)));
  typedef uint32_t vu __attribute__((vector_size(4 * CASTLE_LANES)));
  const vs half = *(const vs_unaligned *)scales;
  return (vf)(__builtin_convertvector(half, vu) << 16);
}

/// The sums of one group for one vector of outputs and `rows` rows of x.
CASTLE_INLINE void int8_group(
    const int rows, const uint8_t *block, const castle_quantized_group *x, ptrdiff_t x_row, vi totals[]) {
  dots sums[CASTLE_PANEL_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) sums[r] = dots_begin(x + r * x_row);
#pragma clang loop unroll(full)
  for (int q = 0; q < GROUP_QUADS; q++) {
    const vi w = vi_load(block + 64 * q);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) dots_add(&sums[r], w, quad_of(x + r * x_row, q));
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) totals[r] = dots_total(sums[r], x + r * x_row);
}

CASTLE_INLINE void int4_group(
    const int rows, const uint8_t *block, const castle_quantized_group *x, ptrdiff_t x_row, vi totals[]) {
  dots4 sums[CASTLE_PANEL_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) sums[r] = dots4_begin(x + r * x_row);
#pragma clang loop unroll(full)
  for (int q = 0; q < GROUP_QUADS / 2; q++) {
    const vi both = vi_load(block + 64 * q);
    const vi low = both & 0x0f0f0f0f, high = (both >> 4) & 0x0f0f0f0f;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      dots4_add(&sums[r], low, quad_of(x + r * x_row, q));
      dots4_add(&sums[r], high, quad_of(x + r * x_row, q + GROUP_QUADS / 2));
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) totals[r] = dots4_total(sums[r], x + r * x_row);
}

/// One panel for `rows` rows of x; the count and the format are constants where this is inlined.
CASTLE_INLINE void panel_of_rows(
    const int is_int4, const int rows, ptrdiff_t outputs, castle_quantized_panels panel,
    const castle_quantized_group *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  const ptrdiff_t block_bytes = is_int4 ? CASTLE_INT4_BLOCK : CASTLE_INT8_BLOCK;
  vf sums[CASTLE_PANEL_ROWS][PANEL_PARTS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int part = 0; part < PANEL_PARTS; part++) sums[r][part] = (vf){0};
  const uint8_t *block = panel.blocks;
  const uint16_t *scales = panel.scales;
  for (ptrdiff_t g = 0; g < panel.groups; g++, block += block_bytes, scales += CASTLE_PANEL_OUTPUTS) {
#pragma clang loop unroll(full)
    for (int line = 0; line < block_bytes / 64; line++) __builtin_prefetch(block + 64 * line + CASTLE_AHEAD);
    __builtin_prefetch((const char *)scales + CASTLE_AHEAD / 4);
#pragma clang loop unroll(full)
    for (int part = 0; part < PANEL_PARTS; part++) {
      vi totals[CASTLE_PANEL_ROWS];
      const uint8_t *weights = block + 4 * CASTLE_LANES * part;
      if (is_int4)
        int4_group(rows, weights, x + g, x_row, totals);
      else
        int8_group(rows, weights, x + g, x_row, totals);
      const vf scale = bfloat16_scales(scales + CASTLE_LANES * part);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        const vf factor = scale * x[r * x_row + g].scale;
        sums[r][part] = vf_fma(__builtin_convertvector(totals[r], vf), factor, sums[r][part]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int part = 0; part < PANEL_PARTS; part++) {
      const ptrdiff_t left = outputs - CASTLE_LANES * part;
      const size_t n = left < CASTLE_LANES ? (size_t)left : CASTLE_LANES;
      if (left > 0) vf_store_first(y + r * y_row + CASTLE_LANES * part, sums[r][part], n);
    }
}

CASTLE_INLINE void panel_of_some_rows(
    const int is_int4, ptrdiff_t rows, ptrdiff_t outputs, castle_quantized_panels panel,
    const castle_quantized_group *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  for (; rows >= CASTLE_PANEL_ROWS; rows -= CASTLE_PANEL_ROWS) {
    panel_of_rows(is_int4, CASTLE_PANEL_ROWS, outputs, panel, x, x_row, y, y_row);
    x += CASTLE_PANEL_ROWS * x_row;
    y += CASTLE_PANEL_ROWS * y_row;
  }
  switch (rows) {
    case 0: break;
    case 1: panel_of_rows(is_int4, 1, outputs, panel, x, x_row, y, y_row); break;
    case 2: panel_of_rows(is_int4, 2, outputs, panel, x, x_row, y, y_row); break;
    case 3: panel_of_rows(is_int4, 3, outputs, panel, x, x_row, y, y_row); break;
#if CASTLE_PANEL_ROWS == 8
    case 4: panel_of_rows(is_int4, 4, outputs, panel, x, x_row, y, y_row); break;
    case 5: panel_of_rows(is_int4, 5, outputs, panel, x, x_row, y, y_row); break;
    case 6: panel_of_rows(is_int4, 6, outputs, panel, x, x_row, y, y_row); break;
    case 7: panel_of_rows(is_int4, 7, outputs, panel, x, x_row, y, y_row); break;
#endif
    default: break;
  }
}

CASTLE_INLINE void panels_of_rows(
    const int is_int4, ptrdiff_t outputs, castle_quantized_panels panels, ptrdiff_t rows,
    const castle_quantized_group *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  for (ptrdiff_t o = 0; o < outputs; o += CASTLE_PANEL_OUTPUTS) {
    const ptrdiff_t left = outputs - o, n = left < CASTLE_PANEL_OUTPUTS ? left : CASTLE_PANEL_OUTPUTS;
    panel_of_some_rows(is_int4, rows, n, panels, x, x_row, y + o, y_row);
    panels.blocks += panels.groups * (is_int4 ? CASTLE_INT4_BLOCK : CASTLE_INT8_BLOCK);
    panels.scales += panels.groups * CASTLE_PANEL_OUTPUTS;
  }
}

static void CASTLE_NAME(int8)(
    ptrdiff_t outputs, castle_quantized_panels panels, ptrdiff_t rows, const castle_quantized_group *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  panels_of_rows(0, outputs, panels, rows, x, x_row, y, y_row);
}

static void CASTLE_NAME(int4)(
    ptrdiff_t outputs, castle_quantized_panels panels, ptrdiff_t rows, const castle_quantized_group *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  panels_of_rows(1, outputs, panels, rows, x, x_row, y, y_row);
}

static void CASTLE_NAME(quantize)(ptrdiff_t columns, const float *x, castle_quantized_group *target) {
  enum { VECTORS = CASTLE_GROUP_INPUTS / CASTLE_LANES };
  for (ptrdiff_t k = 0; k < columns; k += CASTLE_GROUP_INPUTS, target++) {
    vf inputs[VECTORS], largest = {0}, excess = {0};
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      const ptrdiff_t left = columns - k - v * CASTLE_LANES;
      const size_t n = left < CASTLE_LANES ? (size_t)left : CASTLE_LANES;
      inputs[v] = left <= 0 ? (vf){0} : vf_load_first(x + k + v * CASTLE_LANES, n);
      largest = vf_max(largest, __builtin_elementwise_abs(inputs[v]));
      excess += inputs[v] - inputs[v];
    }
    const float most = vf_largest(largest);
    if (vf_sum(excess) != 0) {
      // Infinity or NaN.
      memset(target, 0, sizeof *target);
      target->scale = NAN;
      continue;
    }
    const float factor = most < CASTLE_SMALLEST_LARGEST ? 0 : 127.0f / most;
    target->scale = most < CASTLE_SMALLEST_LARGEST ? 0 : most / 127.0f;
    vi sums = {0};
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      typedef int8_t vb __attribute__((vector_size(CASTLE_LANES)));
      const vi whole = __builtin_convertvector(__builtin_elementwise_roundeven(inputs[v] * factor), vi);
      const vb bytes = __builtin_convertvector(whole, vb);
      memcpy(target->values + v * CASTLE_LANES, &bytes, sizeof bytes);
      sums += whole;
    }
    const int32_t sum = __builtin_reduce_add(sums);
    target->less128 = -128 * sum;
    target->less8 = -8 * sum;
  }
}
