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
CASTLE_INLINE weight_pair float32_pair(const float *w) {
  return (weight_pair){vf_load(w), vf_load(w + CASTLE_LANES)};
}

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

/// What the loops below have of a product, from its first output and row on.
typedef struct weight_rows {
  const void *w;
  ptrdiff_t w_row;
  const float *x;
  ptrdiff_t x_row;
  float *y;
  ptrdiff_t y_row;
} weight_rows;

/// The products of `n` inputs from k on, at most a step; all counts but k and n, and the format, are
/// constants where this is inlined.
CASTLE_INLINE void weight_step(
    const int is_bfloat16, const int outputs, const int rows, const weight_rows *at, ptrdiff_t k, ptrdiff_t n,
    vf sums[CASTLE_TILE_OUTPUTS][CASTLE_TILE_INPUT_ROWS]) {
  weight_pair inputs[CASTLE_TILE_INPUT_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    // x in bfloat16's order is filled up.
    const float *row = at->x + r * at->x_row + k;
    inputs[r] = is_bfloat16 || n == WEIGHT_STEP ? float32_pair(row) : float32_pair_first(row, n);
  }
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++) {
    const ptrdiff_t place = o * at->w_row + k;
    weight_pair pair;
    if (is_bfloat16) {
      const uint16_t *w = (const uint16_t *)at->w + place;
      pair = n == WEIGHT_STEP ? bfloat16_pair(w) : bfloat16_pair_first(w, n);
    } else {
      const float *w = (const float *)at->w + place;
      pair = n == WEIGHT_STEP ? float32_pair(w) : float32_pair_first(w, n);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[o][r] = vf_fma(pair.low, inputs[r].low, sums[o][r]);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[o][r] = vf_fma(pair.high, inputs[r].high, sums[o][r]);
  }
}

/// `outputs` adjacent outputs for `rows` rows of x, each sum in one vector. The first rows of x that meet
/// weights ask memory for as many rows of W after these.
CASTLE_INLINE void weight_tile(
    const int is_bfloat16, const int is_first, const int outputs, const int rows, ptrdiff_t columns,
    const weight_rows *at) {
  const char *ahead = (const char *)at->w + outputs * at->w_row * (is_bfloat16 ? 2 : 4);
  const ptrdiff_t w_bytes = at->w_row * (is_bfloat16 ? 2 : 4);
  const int step_bytes = WEIGHT_STEP * (is_bfloat16 ? 2 : 4);
  vf sums[CASTLE_TILE_OUTPUTS][CASTLE_TILE_INPUT_ROWS];
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[o][r] = (vf){0};
  ptrdiff_t k = 0;
  for (; k + WEIGHT_STEP <= columns; k += WEIGHT_STEP) {
    if (is_first) {
#pragma clang loop unroll(full)
      for (int o = 0; o < outputs; o++) {
        __builtin_prefetch(ahead + o * w_bytes, 0, 2);
        if (step_bytes > 64) __builtin_prefetch(ahead + o * w_bytes + 64, 0, 2);
      }
      ahead += step_bytes;
    }
    weight_step(is_bfloat16, outputs, rows, at, k, WEIGHT_STEP, sums);
  }
  if (k < columns) weight_step(is_bfloat16, outputs, rows, at, k, columns - k, sums);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) at->y[r * at->y_row + o] = vf_sum(sums[o][r]);
}

CASTLE_INLINE void weight_tile_of_rows(
    const int is_bfloat16, const int outputs, ptrdiff_t rows, ptrdiff_t columns, weight_rows at) {
  for (int is_first = 1; rows >= CASTLE_TILE_INPUT_ROWS; rows -= CASTLE_TILE_INPUT_ROWS, is_first = 0) {
    if (is_first)
      weight_tile(is_bfloat16, 1, outputs, CASTLE_TILE_INPUT_ROWS, columns, &at);
    else
      weight_tile(is_bfloat16, 0, outputs, CASTLE_TILE_INPUT_ROWS, columns, &at);
    at.x += CASTLE_TILE_INPUT_ROWS * at.x_row;
    at.y += CASTLE_TILE_INPUT_ROWS * at.y_row;
  }
  switch (rows) {
    case 1: weight_tile(is_bfloat16, 1, outputs, 1, columns, &at); break;
#if CASTLE_TILE_INPUT_ROWS == 4
    case 2: weight_tile(is_bfloat16, 1, outputs, 2, columns, &at); break;
    case 3: weight_tile(is_bfloat16, 1, outputs, 3, columns, &at); break;
#endif
    default: break;
  }
}

static void CASTLE_NAME(float32)(
    ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  ptrdiff_t o = 0;
  for (; o + CASTLE_TILE_OUTPUTS <= outputs; o += CASTLE_TILE_OUTPUTS) {
    const weight_rows at = {w + o * w_row, w_row, x, x_row, y + o, y_row};
    weight_tile_of_rows(0, CASTLE_TILE_OUTPUTS, rows, columns, at);
  }
  for (; o < outputs; o++) {
    const weight_rows at = {w + o * w_row, w_row, x, x_row, y + o, y_row};
    weight_tile_of_rows(0, 1, rows, columns, at);
  }
}

static void CASTLE_NAME(bfloat16)(
    ptrdiff_t outputs, ptrdiff_t columns, const uint16_t *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  ptrdiff_t o = 0;
  for (; o + CASTLE_TILE_OUTPUTS <= outputs; o += CASTLE_TILE_OUTPUTS) {
    const weight_rows at = {w + o * w_row, w_row, x, x_row, y + o, y_row};
    weight_tile_of_rows(1, CASTLE_TILE_OUTPUTS, rows, columns, at);
  }
  for (; o < outputs; o++) {
    const weight_rows at = {w + o * w_row, w_row, x, x_row, y + o, y_row};
    weight_tile_of_rows(1, 1, rows, columns, at);
  }
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
