// The loops of castle_weight_kernels.h for whole rows of weights. Included after simd.h.
#pragma once

#if CASTLE_LANES == 8 || defined(CASTLE_PORTABLE)
#define CASTLE_TILE_INPUT_ROWS 4  // 2 x 4 sums of 16 registers
#else
#define CASTLE_TILE_INPUT_ROWS 8  // 2 x 8 sums of 32 registers
#endif
#define CASTLE_TILE_OUTPUTS 2

/// As much of x as stays in the nearest cache while a group of outputs meets it, in elements.
enum { WEIGHT_NEAR = 4096, WEIGHT_GROUP = 16 };

/// The most rows of x that share a pass over weights.
enum { WEIGHT_ROWS = 16 };

/// How far ahead of a product with a single row memory is asked for, in bytes.
enum { WEIGHT_AHEAD = 1024 };

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

/// Inputs from `begin` to before `end`, of `columns`.
typedef struct weight_inputs {
  ptrdiff_t begin;
  ptrdiff_t end;
  ptrdiff_t columns;
} weight_inputs;

/// The weights of output `o` from input `k` on.
CASTLE_INLINE const char *weight_place(
    const int is_bfloat16, const weight_rows *at, ptrdiff_t o, ptrdiff_t k) {
  return (const char *)at->w + (o * at->w_row + k) * (is_bfloat16 ? 2 : 4);
}

/// The products of `n` inputs from k on, at most a step; all counts but k and n, and the format, are
/// constants where this is inlined.
CASTLE_INLINE void weight_step(
    const int is_bfloat16, const int outputs, const int rows, const weight_rows *at, ptrdiff_t k, ptrdiff_t n,
    vf sums[CASTLE_TILE_OUTPUTS][CASTLE_TILE_INPUT_ROWS]) {
  weight_pair weights[CASTLE_TILE_OUTPUTS];
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++) {
    const char *place = weight_place(is_bfloat16, at, o, k);
    if (is_bfloat16) {
      const uint16_t *w = (const uint16_t *)place;
      weights[o] = n == WEIGHT_STEP ? bfloat16_pair(w) : bfloat16_pair_first(w, n);
    } else {
      const float *w = (const float *)place;
      weights[o] = n == WEIGHT_STEP ? float32_pair(w) : float32_pair_first(w, n);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    // x in bfloat16's order is filled up.
    const float *row = at->x + r * at->x_row + k;
    const weight_pair input =
        is_bfloat16 || n == WEIGHT_STEP ? float32_pair(row) : float32_pair_first(row, n);
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      sums[o][r] = vf_fma(weights[o].low, input.low, sums[o][r]);
      sums[o][r] = vf_fma(weights[o].high, input.high, sums[o][r]);
    }
  }
}

/// Memory that is soon to be read: a number of pieces, `stride` bytes apart.
typedef struct weights_ahead {
  const char *at;
  ptrdiff_t stride;
  int pieces;
} weights_ahead;

/// Some inputs of `outputs` outputs for `rows` rows of x, each sum in one vector, which goes on from
/// `partial` and back to it, a row of vectors for each output, until the last input is in. In each step as
/// much memory of each piece is asked for.
CASTLE_INLINE void weight_tile(
    const int is_bfloat16, const int outputs, const int rows, weight_inputs inputs, const weight_rows *at,
    vf *partial, weights_ahead ahead) {
  const int step_bytes = WEIGHT_STEP * (is_bfloat16 ? 2 : 4);
  vf sums[CASTLE_TILE_OUTPUTS][CASTLE_TILE_INPUT_ROWS];
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[o][r] = inputs.begin > 0 ? partial[o * WEIGHT_ROWS + r] : (vf){0};
  ptrdiff_t k = inputs.begin;
  for (; k + WEIGHT_STEP <= inputs.end; k += WEIGHT_STEP, ahead.at += step_bytes) {
#pragma clang loop unroll(full)
    for (int byte = 0; byte < step_bytes; byte += 64) {
      __builtin_prefetch(ahead.at + byte);
      if (ahead.pieces > 1) __builtin_prefetch(ahead.at + ahead.stride + byte);
    }
    weight_step(is_bfloat16, outputs, rows, at, k, WEIGHT_STEP, sums);
  }
  if (k < inputs.end) weight_step(is_bfloat16, outputs, rows, at, k, inputs.end - k, sums);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      if (inputs.end < inputs.columns)
        partial[o * WEIGHT_ROWS + r] = sums[o][r];
      else
        at->y[r * at->y_row + o] = vf_sum(sums[o][r]);
    }
}

/// Up to a tile's rows of x.
CASTLE_INLINE void weight_tile_of_rows(
    const int is_bfloat16, ptrdiff_t rows, weight_inputs inputs, const weight_rows *at, vf *partial,
    weights_ahead ahead) {
  const int outputs = CASTLE_TILE_OUTPUTS;
  switch (rows) {
    case 1: weight_tile(is_bfloat16, outputs, 1, inputs, at, partial, ahead); break;
    case 2: weight_tile(is_bfloat16, outputs, 2, inputs, at, partial, ahead); break;
    case 3: weight_tile(is_bfloat16, outputs, 3, inputs, at, partial, ahead); break;
#if CASTLE_TILE_INPUT_ROWS == 8
    case 4: weight_tile(is_bfloat16, outputs, 4, inputs, at, partial, ahead); break;
    case 5: weight_tile(is_bfloat16, outputs, 5, inputs, at, partial, ahead); break;
    case 6: weight_tile(is_bfloat16, outputs, 6, inputs, at, partial, ahead); break;
    case 7: weight_tile(is_bfloat16, outputs, 7, inputs, at, partial, ahead); break;
#endif
    default: weight_tile(is_bfloat16, outputs, CASTLE_TILE_INPUT_ROWS, inputs, at, partial, ahead); break;
  }
}

/// Some inputs of a tile's outputs for all rows of x. A single pass asks for the memory of both next outputs,
/// the first two of several passes for that of one each.
CASTLE_INLINE void weight_outputs(
    const int is_bfloat16, ptrdiff_t rows, weight_inputs inputs, weight_rows at, vf *partial,
    weights_ahead ahead) {
  ahead.pieces = rows > CASTLE_TILE_INPUT_ROWS ? 1 : CASTLE_TILE_OUTPUTS;
  for (ptrdiff_t pass = 0; rows > 0; pass++, rows -= CASTLE_TILE_INPUT_ROWS) {
    weight_tile_of_rows(is_bfloat16, rows, inputs, &at, partial, ahead);
    at.x += CASTLE_TILE_INPUT_ROWS * at.x_row;
    at.y += CASTLE_TILE_INPUT_ROWS * at.y_row;
    partial += CASTLE_TILE_INPUT_ROWS;
    if (pass < CASTLE_TILE_OUTPUTS - 1) ahead.at += ahead.stride;
  }
}

/// A single row of x: weights are read as they lie in memory.
CASTLE_INLINE void weights_of_row(
    const int is_bfloat16, ptrdiff_t outputs, ptrdiff_t columns, weight_rows at) {
  const weight_inputs inputs = {0, columns, columns};
  for (ptrdiff_t o = 0; o < outputs; o++, at.y++) {
    const weights_ahead ahead = {(const char *)at.w + WEIGHT_AHEAD, 0, 1};
    weight_tile(is_bfloat16, 1, 1, inputs, &at, 0, ahead);
    at.w = weight_place(is_bfloat16, &at, 1, 0);
  }
}

/// Up to WEIGHT_ROWS rows of x, of which some inputs at a time stay in the nearest cache.
CASTLE_INLINE void weights_of_rows(
    const int is_bfloat16, ptrdiff_t outputs, ptrdiff_t columns, ptrdiff_t rows, weight_rows at) {
  vf partial[WEIGHT_GROUP * WEIGHT_ROWS];
  const ptrdiff_t width = WEIGHT_NEAR / rows / WEIGHT_STEP * WEIGHT_STEP;
  for (ptrdiff_t first = 0; first + CASTLE_TILE_OUTPUTS <= outputs; first += WEIGHT_GROUP) {
    const ptrdiff_t left = (outputs - first) / CASTLE_TILE_OUTPUTS * CASTLE_TILE_OUTPUTS;
    const ptrdiff_t count = left < WEIGHT_GROUP ? left : WEIGHT_GROUP;
    for (ptrdiff_t k = 0; k < columns; k += width) {
      const weight_inputs inputs = {k, columns - k < width ? columns : k + width, columns};
      for (ptrdiff_t o = 0; o < count; o += CASTLE_TILE_OUTPUTS) {
        weight_rows tile = at;
        tile.w = weight_place(is_bfloat16, &at, o, 0);
        tile.y = at.y + o;
        // Behind the last outputs of a group come further inputs of the first ones, or the next group.
        const ptrdiff_t next = o + CASTLE_TILE_OUTPUTS;
        const char *ahead = next < count             ? weight_place(is_bfloat16, &at, next, k)
                            : inputs.end < columns ? weight_place(is_bfloat16, &at, 0, inputs.end)
                                                   : weight_place(is_bfloat16, &at, count, 0);
        const weights_ahead pieces = {ahead, at.w_row * (is_bfloat16 ? 2 : 4), CASTLE_TILE_OUTPUTS};
        weight_outputs(is_bfloat16, rows, inputs, tile, partial + o * WEIGHT_ROWS, pieces);
      }
    }
    at.w = weight_place(is_bfloat16, &at, count, 0);
    at.y += count;
  }
  if (outputs % CASTLE_TILE_OUTPUTS == 0) return;
  // The last output, row by row: in the same order.
  for (ptrdiff_t r = 0; r < rows; r++, at.x += at.x_row, at.y += at.y_row)
    weights_of_row(is_bfloat16, 1, columns, at);
}

CASTLE_INLINE void weights_of_all_rows(
    const int is_bfloat16, ptrdiff_t outputs, ptrdiff_t columns, ptrdiff_t rows, weight_rows at) {
  for (; rows > 1; rows -= WEIGHT_ROWS) {
    const ptrdiff_t count = rows < WEIGHT_ROWS ? rows : WEIGHT_ROWS;
    weights_of_rows(is_bfloat16, outputs, columns, count, at);
    at.x += count * at.x_row;
    at.y += count * at.y_row;
  }
  if (rows == 1) weights_of_row(is_bfloat16, outputs, columns, at);
}

static void CASTLE_NAME(float32)(
    ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  const weight_rows at = {w, w_row, x, x_row, y, y_row};
  weights_of_all_rows(0, outputs, columns, rows, at);
}

static void CASTLE_NAME(bfloat16)(
    ptrdiff_t outputs, ptrdiff_t columns, const uint16_t *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
    ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
  const weight_rows at = {w, w_row, x, x_row, y, y_row};
  weights_of_all_rows(1, outputs, columns, rows, at);
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
