// The loops of castle_weight_kernels.h for whole rows of weights. Included after simd.h.
#pragma once

#if CASTLE_LANES == 8 || defined(CASTLE_PORTABLE)
#define CASTLE_TILE_INPUT_ROWS 2  // 4 x 2 sums of 16 registers
#else
#define CASTLE_TILE_INPUT_ROWS 4  // 4 x 4 sums of 32 registers
#endif
#define CASTLE_TILE_OUTPUTS 4

/// How far ahead of a product with panels, and of `read`, memory is asked for, in bytes.
#define CASTLE_AHEAD 2048

/// Inputs of one step of a product: two vectors.
enum { WEIGHT_STEP = 2 * CASTLE_LANES };

typedef struct weight_pair {
  vf low;
  vf high;
} weight_pair;

/// Two vectors of weights; x meets them in the same order.
CASTLE_INLINE weight_pair float32_pair(const float *w) { return (weight_pair){vf_load(w), vf_load(w + CASTLE_LANES)}; }

/// The weights with even numbers, then those with odd ones.
CASTLE_INLINE weight_pair bfloat16_pair(const uint16_t *w) {
  typedef int32_t vi_unaligned __attribute__((vector_size(4 * CASTLE_LANES), aligned(2)));
  const vi both = *(const vi_unaligned *)w;
  return (weight_pair){(vf)(both << 16), (vf)(both & (int32_t)0xffff0000)};
}

CASTLE_INLINE weight_pair float32_pair_first(const float *w, ptrdiff_t n) {
  const size_t low = n < CASTLE_LANES ? (size_t)n : CASTLE_LANES;
  return (weight_pair){vf_load_first(w, low), vf_load_first(w + low, (size_t)n - low)};
}

CASTLE_INLINE weight_pair bfloat16_pair_first(const uint16_t *w, ptrdiff_t n) {
#if defined(CASTLE_AVX512)
  const vi both = (vi)_mm512_maskz_loadu_epi16((__mmask32)((1ull << n) - 1), w);
  return (weight_pair){(vf)(both << 16), (vf)(both & (int32_t)0xffff0000)};
#else
  uint16_t some[WEIGHT_STEP] = {0};
  memcpy(some, w, (size_t)n * sizeof *w);
  return bfloat16_pair(some);
#endif
}

/// `outputs` adjacent outputs for `rows` rows of x, each sum in one vector; both counts and the format are constants where
/// this is inlined. Memory is read ahead by as many rows of W.
CASTLE_INLINE void weight_tile(
    const int is_bfloat16, const int outputs, const int rows, ptrdiff_t columns, const void *w, ptrdiff_t w_row,
    const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  const float *w32 = w;
  const uint16_t *w16 = w;
  const ptrdiff_t ahead = outputs * w_row;
  vf sums[CASTLE_TILE_OUTPUTS][CASTLE_TILE_INPUT_ROWS];
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[o][r] = (vf){0};
  for (ptrdiff_t k = 0; k < columns; k += WEIGHT_STEP) {
    const ptrdiff_t n = columns - k;
    const int is_whole = n >= WEIGHT_STEP;
    weight_pair inputs[CASTLE_TILE_INPUT_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      // x in bfloat16's order is filled up.
      const float *row = x + r * x_row + k;
      inputs[r] = is_bfloat16 || is_whole ? float32_pair(row) : float32_pair_first(row, n);
    }
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      const ptrdiff_t at = o * w_row + k;
      weight_pair pair;
      if (is_bfloat16) {
        __builtin_prefetch(w16 + at + ahead, 0, 2);
        pair = is_whole ? bfloat16_pair(w16 + at) : bfloat16_pair_first(w16 + at, n);
      } else {
        __builtin_prefetch(w32 + at + ahead, 0, 2);
        if (CASTLE_LANES == 16) __builtin_prefetch(w32 + at + ahead + CASTLE_LANES, 0, 2);
        pair = is_whole ? float32_pair(w32 + at) : float32_pair_first(w32 + at, n);
      }
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        sums[o][r] = vf_fma(pair.low, inputs[r].low, sums[o][r]);
        sums[o][r] = vf_fma(pair.high, inputs[r].high, sums[o][r]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) y[r * y_row + o] = vf_sum(sums[o][r]);
}

CASTLE_INLINE void weight_tile_of_rows(
    const int is_bfloat16, const int outputs, ptrdiff_t rows, ptrdiff_t columns, const void *w, ptrdiff_t w_row,
    const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  for (; rows >= CASTLE_TILE_INPUT_ROWS; rows -= CASTLE_TILE_INPUT_ROWS) {
    weight_tile(is_bfloat16, outputs, CASTLE_TILE_INPUT_ROWS, columns, w, w_row, x, x_row, y, y_row);
    x += CASTLE_TILE_INPUT_ROWS * x_row;
    y += CASTLE_TILE_INPUT_ROWS * y_row;
  }
  switch (rows) {
    case 1: weight_tile(is_bfloat16, outputs, 1, columns, w, w_row, x, x_row, y, y_row); break;
#if CASTLE_TILE_INPUT_ROWS == 4
    case 2: weight_tile(is_bfloat16, outputs, 2, columns, w, w_row, x, x_row, y, y_row); break;
    case 3: weight_tile(is_bfloat16, outputs, 3, columns, w, w_row, x, x_row, y, y_row); break;
#endif
    default: break;
  }
}

static void CASTLE_NAME(float32)(
    ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  ptrdiff_t o = 0;
  for (; o + CASTLE_TILE_OUTPUTS <= outputs; o += CASTLE_TILE_OUTPUTS)
    weight_tile_of_rows(0, CASTLE_TILE_OUTPUTS, rows, columns, w + o * w_row, w_row, x, x_row, y + o, y_row);
  for (; o < outputs; o++) weight_tile_of_rows(0, 1, rows, columns, w + o * w_row, w_row, x, x_row, y + o, y_row);
}

static void CASTLE_NAME(bfloat16)(
    ptrdiff_t outputs, ptrdiff_t columns, const uint16_t *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  ptrdiff_t o = 0;
  for (; o + CASTLE_TILE_OUTPUTS <= outputs; o += CASTLE_TILE_OUTPUTS)
    weight_tile_of_rows(1, CASTLE_TILE_OUTPUTS, rows, columns, w + o * w_row, w_row, x, x_row, y + o, y_row);
  for (; o < outputs; o++) weight_tile_of_rows(1, 1, rows, columns, w + o * w_row, w_row, x, x_row, y + o, y_row);
}

static void CASTLE_NAME(split)(ptrdiff_t columns, const float *x, float *target) {
  for (ptrdiff_t k = 0; k < columns; k += WEIGHT_STEP)
    for (ptrdiff_t lane = 0; lane < CASTLE_LANES; lane++)
      for (ptrdiff_t odd = 0; odd < 2; odd++) {
        const ptrdiff_t from = k + 2 * lane + odd;
        target[k + odd * CASTLE_LANES + lane] = from < columns ? x[from] : 0;
      }
}

static uint64_t CASTLE_NAME(read)(ptrdiff_t count, const uint64_t *words) {
  typedef uint64_t line __attribute__((vector_size(64)));
  typedef uint64_t line_unaligned __attribute__((vector_size(64), aligned(8)));
  line sums[4] = {{0}, {0}, {0}, {0}};
  ptrdiff_t i = 0;
  for (; i + 32 <= count; i += 32)
#pragma clang loop unroll(full)
    for (int part = 0; part < 4; part++) {
      __builtin_prefetch((const char *)(words + i + 8 * part) + CASTLE_AHEAD);
      sums[part] += *(const line_unaligned *)(words + i + 8 * part);
    }
  uint64_t sum = 0;
  for (; i < count; i++) sum += words[i];
  const line all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int lane = 0; lane < 8; lane++) sum += all[lane];
  return sum;
}
