// How weights in single precision become panels of 8 or 4 bits, and bfloat16. Included after
// quantized_template.h.
#pragma once

/// One group of one output, in vectors of the same width for every instruction set: all give the same bytes.
typedef float half_group __attribute__((vector_size(2 * CASTLE_GROUP_INPUTS)));
typedef int32_t half_group_whole __attribute__((vector_size(2 * CASTLE_GROUP_INPUTS)));
enum { HALF_GROUP = CASTLE_GROUP_INPUTS / 2 };

typedef struct weight_group {
  half_group halves[2];
  /// The first one of the largest magnitude.
  float extreme;
  int32_t is_finite;
} weight_group;

CASTLE_INLINE weight_group weight_group_load(ptrdiff_t n, const float *w) {
  float all[CASTLE_GROUP_INPUTS] = {0};
  memcpy(all, w, (size_t)(n < CASTLE_GROUP_INPUTS ? n : CASTLE_GROUP_INPUTS) * sizeof *w);
  weight_group group = {.is_finite = 1};
  memcpy(group.halves, all, sizeof all);
  for (int k = 0; k < CASTLE_GROUP_INPUTS; k++) {
    if (fabsf(all[k]) > fabsf(group.extreme)) group.extreme = all[k];
    group.is_finite &= all[k] - all[k] == 0;
  }
  return group;
}

CASTLE_INLINE uint16_t bfloat16_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (x != x) return (uint16_t)(bits >> 16 | 64);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The least bfloat16 that is not below x >= 0.
CASTLE_INLINE uint16_t bfloat16_above(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0xffff) >> 16);
}

CASTLE_INLINE float float_of(uint16_t x) {
  const uint32_t bits = (uint32_t)x << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

enum { BFLOAT16_NAN = 0x7fc0 };

/// w * reciprocal to the nearest whole number from `low` to `high`.
CASTLE_INLINE half_group whole_numbers(half_group w, float reciprocal, float low, float high) {
  half_group whole = __builtin_elementwise_roundeven(w * reciprocal);
  whole = __builtin_elementwise_min(whole, high - (half_group){0});
  return __builtin_elementwise_max(whole, low - (half_group){0});
}

/// The numbers of a group, -127 to 127, and its scale.
CASTLE_INLINE uint16_t int8_group_of(const weight_group *group, int32_t numbers[CASTLE_GROUP_INPUTS]) {
  memset(numbers, 0, CASTLE_GROUP_INPUTS * sizeof *numbers);
  if (!group->is_finite) return BFLOAT16_NAN;
  const float most = fabsf(group->extreme);
  if (most < CASTLE_SMALLEST_LARGEST) return 0;
  const uint16_t scale = bfloat16_above(most / 127);
  for (int half = 0; half < 2; half++) {
    const half_group whole = whole_numbers(group->halves[half], 1 / float_of(scale), -127, 127);
    const half_group_whole result = __builtin_convertvector(whole, half_group_whole);
    memcpy(numbers + half * HALF_GROUP, &result, sizeof result);
  }
  return scale;
}

/// The numbers of a group, -8 to 7, and its scale.
CASTLE_INLINE uint16_t int4_group_of(const weight_group *group, int32_t numbers[CASTLE_GROUP_INPUTS]) {
#pragma clang fp contract(off)
  enum { STEPS = 13 };
  memset(numbers, 0, CASTLE_GROUP_INPUTS * sizeof *numbers);
  if (!group->is_finite) return BFLOAT16_NAN;
  if (fabsf(group->extreme) < CASTLE_SMALLEST_LARGEST) return 0;
  float least = INFINITY;
  uint16_t best = 0;
  for (int candidate = 0; candidate < 2 * STEPS; candidate++) {
    // The extreme becomes -6 to -9, or 6 to 9, before it is cut off.
    const float steps = 6 + 0.25f * (float)(candidate % STEPS);
    const uint16_t scale = bfloat16_of(group->extreme / (candidate < STEPS ? -steps : steps));
    const float factor = float_of(scale), reciprocal = 1 / factor;
    half_group squares = {0};
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const half_group w = group->halves[half];
      const half_group error = whole_numbers(w, reciprocal, -8, 7) * factor - w;
      squares = squares + error * error;
    }
    float sums[HALF_GROUP];
    memcpy(sums, &squares, sizeof sums);
    for (int width = HALF_GROUP / 2; width > 0; width /= 2)
      for (int i = 0; i < width; i++) sums[i] = sums[i] + sums[i + width];
    if (sums[0] < least) {
      least = sums[0];
      best = scale;
    }
  }
  // Squares of very large errors are infinite.
  if (least == INFINITY) best = bfloat16_of(group->extreme / -8);
  for (int half = 0; half < 2; half++) {
    const half_group whole = whole_numbers(group->halves[half], 1 / float_of(best), -8, 7);
    const half_group_whole result = __builtin_convertvector(whole, half_group_whole);
    memcpy(numbers + half * HALF_GROUP, &result, sizeof result);
  }
  return best;
}

static void CASTLE_NAME(pack_int8)(
    ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, uint8_t *blocks,
    uint16_t *scales) {
  for (ptrdiff_t k = 0; k < columns; k += CASTLE_GROUP_INPUTS) {
    memset(blocks, 128, CASTLE_INT8_BLOCK);
    memset(scales, 0, CASTLE_PANEL_OUTPUTS * sizeof *scales);
    for (ptrdiff_t o = 0; o < outputs; o++) {
      int32_t numbers[CASTLE_GROUP_INPUTS];
      const weight_group group = weight_group_load(columns - k, w + o * w_row + k);
      scales[o] = int8_group_of(&group, numbers);
      for (int i = 0; i < CASTLE_GROUP_INPUTS; i++)
        blocks[64 * (i / 4) + 4 * o + i % 4] = (uint8_t)(128 + numbers[i]);
    }
    blocks += CASTLE_INT8_BLOCK;
    scales += CASTLE_PANEL_OUTPUTS;
  }
}

static void CASTLE_NAME(pack_int4)(
    ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, uint8_t *blocks,
    uint16_t *scales) {
  for (ptrdiff_t k = 0; k < columns; k += CASTLE_GROUP_INPUTS) {
    memset(blocks, 0x88, CASTLE_INT4_BLOCK);
    memset(scales, 0, CASTLE_PANEL_OUTPUTS * sizeof *scales);
    for (ptrdiff_t o = 0; o < outputs; o++) {
      int32_t numbers[CASTLE_GROUP_INPUTS];
      const weight_group group = weight_group_load(columns - k, w + o * w_row + k);
      scales[o] = int4_group_of(&group, numbers);
      for (int i = 0; i < HALF_GROUP; i++)
        blocks[64 * (i / 4) + 4 * o + i % 4] = (uint8_t)(8 + numbers[i] + 16 * (8 + numbers[i + HALF_GROUP]));
    }
    blocks += CASTLE_INT4_BLOCK;
    scales += CASTLE_PANEL_OUTPUTS;
  }
}

static void CASTLE_NAME(widen)(ptrdiff_t count, const uint16_t *w, float *target) {
  for (ptrdiff_t i = 0; i < count; i++) target[i] = float_of(w[i]);
}

static void CASTLE_NAME(narrow)(ptrdiff_t count, const float *w, uint16_t *target) {
  for (ptrdiff_t i = 0; i < count; i++) target[i] = bfloat16_of(w[i]);
}

const castle_weight_kernels CASTLE_NAME(castle_weight_kernels) = {
    .float32 = CASTLE_NAME(float32),
    .bfloat16 = CASTLE_NAME(bfloat16),
    .split_multiple = WEIGHT_STEP,
    .split = CASTLE_NAME(split),
    .quantize = CASTLE_NAME(quantize),
    .int8 = CASTLE_NAME(int8),
    .int4 = CASTLE_NAME(int4),
    .pack_int8 = CASTLE_NAME(pack_int8),
    .pack_int4 = CASTLE_NAME(pack_int4),
    .widen = CASTLE_NAME(widen),
    .narrow = CASTLE_NAME(narrow),
    .read = CASTLE_NAME(read),
};
