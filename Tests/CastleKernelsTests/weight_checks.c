// Checks of products with weights: their results, and that a row has the same bits alone and among others.
#include <string.h>

#include "checking.h"

static const ptrdiff_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 545};
static const ptrdiff_t counts[] = {1, 2, 3, 4, 5, 9, 15, 16, 17, 33};
static const ptrdiff_t heights[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17};
static const double magnitudes[] = {1e-3, 1, 50, 1e4};

/// `count` bytes before memory that cannot be touched.
static void *bytes_make(ptrdiff_t count) {
  const matrix x = matrix_make(1, (count + 3) / 4, 0);
  return (char *)(x.at + x.columns) - count;
}

static int is_spoiled(void) { return random_whole(0, 7) == 0; }

static matrix some(ptrdiff_t rows, ptrdiff_t columns, double magnitude) {
  const matrix x = matrix_random(rows, columns, random_whole(0, 5), magnitude);
  if (is_spoiled()) matrix_spoil(x);
  return x;
}

static double double_of(uint16_t bfloat16) {
  const uint32_t bits = (uint32_t)bfloat16 << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// W in one of two formats.
typedef struct weights {
  matrix w32;
  uint16_t *w16;
  ptrdiff_t w16_row;
} weights;

static double weight(const weights *w, ptrdiff_t o, ptrdiff_t k) {
  return w->w16 ? double_of(w->w16[o * w->w16_row + k]) : matrix_row(w->w32, o)[k];
}

static void check_rows(
    const castle_weight_kernels *kernels, int is_bfloat16, ptrdiff_t outputs, ptrdiff_t columns,
    ptrdiff_t rows) {
  matrices_clear();
  const matrix x = some(rows, columns, ONE_OF(magnitudes));
  const matrix y = matrix_make(rows, outputs, random_whole(0, 5));
  const matrix alone = matrix_make(rows, outputs, 0);
  weights w = {.w32 = some(outputs, columns, 1)};
  matrix split = x;
  if (is_bfloat16) {
    w.w16_row = columns + random_whole(0, 3);
    w.w16 = bytes_make(2 * ((outputs - 1) * w.w16_row + columns));
    for (ptrdiff_t o = 0; o < outputs; o++)
      kernels->narrow(columns, matrix_row(w.w32, o), w.w16 + o * w.w16_row);
    const ptrdiff_t multiple = kernels->split_multiple;
    split = matrix_make(rows, (columns + multiple - 1) / multiple * multiple, random_whole(0, 5));
    for (ptrdiff_t r = 0; r < rows; r++) kernels->split(columns, matrix_row(x, r), matrix_row(split, r));
    expect_gaps(split, "split x");
  }
  case_begin(is_bfloat16 ? "bfloat16" : "float32", "%td x %td, %td rows", outputs, columns, rows);
  for (ptrdiff_t r = -1; r < rows; r++) {
    // All rows; then each alone, in two parts of the outputs.
    const ptrdiff_t cut = r < 0 ? outputs : random_whole(0, outputs), height = r < 0 ? rows : 1;
    const matrix target = r < 0 ? y : alone;
    const float *from = r < 0 ? split.at : matrix_row(split, r);
    float *to = r < 0 ? y.at : matrix_row(alone, r);
    for (int part = 0; part < 2; part++) {
      const ptrdiff_t first = part ? cut : 0, count = part ? outputs - cut : cut;
      if (is_bfloat16)
        kernels->bfloat16(
            count, columns, w.w16 + first * w.w16_row, w.w16_row, height, from, split.stride, to + first,
            target.stride);
      else
        kernels->float32(
            count, columns, w.w32.at + first * w.w32.stride, w.w32.stride, height, from, split.stride,
            to + first, target.stride);
    }
  }
  expect_same(y, alone, "y");
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t o = 0; o < outputs; o++) {
      sum sum = {0};
      for (ptrdiff_t k = 0; k < columns; k++) sum_add(&sum, b_exact(weight(&w, o, k) * matrix_row(x, r)[k]));
      expect(matrix_row(y, r)[o], sum_total(&sum, 1), "y", r, o);
    }
  expect_gaps(y, "y");
}

/// Random groups of a row of x; one in eight rows has a group that is not a number.
static castle_quantized_group *random_groups(ptrdiff_t rows, ptrdiff_t groups) {
  castle_quantized_group *x = bytes_make(rows * groups * (ptrdiff_t)sizeof *x);
  for (ptrdiff_t i = 0; i < rows * groups; i++) {
    int32_t sum = 0;
    for (ptrdiff_t k = 0; k < CASTLE_GROUP_INPUTS; k++) {
      x[i].values[k] = (int8_t)(random_whole(0, 3) ? random_whole(-127, 127) : 127);
      sum += x[i].values[k];
    }
    x[i].scale = (float)fabs(random_uniform());
    x[i].less128 = -128 * sum;
    x[i].less8 = -8 * sum;
  }
  if (is_spoiled()) x[random_whole(0, rows * groups - 1)].scale = NAN;
  return x;
}

/// The whole-number weight of one output and input.
static int panel_weight(const castle_quantized_panels *w, int is_int4, ptrdiff_t o, ptrdiff_t k) {
  const ptrdiff_t block = o / CASTLE_PANEL_OUTPUTS * w->groups + k / CASTLE_GROUP_INPUTS;
  const ptrdiff_t i = k % CASTLE_GROUP_INPUTS, lane = 4 * (o % CASTLE_PANEL_OUTPUTS);
  if (!is_int4) return w->blocks[block * CASTLE_INT8_BLOCK + 64 * (i / 4) + lane + i % 4] - 128;
  const uint8_t both = w->blocks[block * CASTLE_INT4_BLOCK + 64 * (i % 16 / 4) + lane + i % 4];
  return (i < 16 ? both & 15 : both >> 4) - 8;
}

static double panel_scale(const castle_quantized_panels *w, ptrdiff_t o, ptrdiff_t k) {
  const ptrdiff_t block = o / CASTLE_PANEL_OUTPUTS * w->groups + k / CASTLE_GROUP_INPUTS;
  return double_of(w->scales[block * CASTLE_PANEL_OUTPUTS + o % CASTLE_PANEL_OUTPUTS]);
}

static castle_quantized_panels make_panels(int is_int4, ptrdiff_t outputs, ptrdiff_t groups) {
  const ptrdiff_t blocks = (outputs + CASTLE_PANEL_OUTPUTS - 1) / CASTLE_PANEL_OUTPUTS * groups;
  return (castle_quantized_panels){
      bytes_make(blocks * (is_int4 ? CASTLE_INT4_BLOCK : CASTLE_INT8_BLOCK)),
      bytes_make(blocks * CASTLE_PANEL_OUTPUTS * 2), groups};
}

static void check_panels(
    const castle_weight_kernels *kernels, int is_int4, ptrdiff_t outputs, ptrdiff_t groups, ptrdiff_t rows) {
  matrices_clear();
  const castle_quantized_panels w = make_panels(is_int4, outputs, groups);
  const ptrdiff_t blocks = (outputs + CASTLE_PANEL_OUTPUTS - 1) / CASTLE_PANEL_OUTPUTS * groups;
  for (ptrdiff_t i = 0; i < blocks * (is_int4 ? CASTLE_INT4_BLOCK : CASTLE_INT8_BLOCK); i++)
    ((uint8_t *)w.blocks)[i] = (uint8_t)(random_whole(0, 3) ? random_whole(0, 255) : 255);
  for (ptrdiff_t i = 0; i < blocks * CASTLE_PANEL_OUTPUTS; i++) {
    const float scale = (float)random_uniform();
    kernels->narrow(1, &scale, (uint16_t *)w.scales + i);
  }
  const castle_quantized_group *x = random_groups(rows, groups);
  const matrix y = matrix_make(rows, outputs, random_whole(0, 5)), alone = matrix_make(rows, outputs, 0);
  case_begin(is_int4 ? "int4" : "int8", "%td outputs, %td groups, %td rows", outputs, groups, rows);
  void (*product)(
      ptrdiff_t, castle_quantized_panels, ptrdiff_t, const castle_quantized_group *, ptrdiff_t, float *,
      ptrdiff_t) = is_int4 ? kernels->int4 : kernels->int8;
  product(outputs, w, rows, x, groups, y.at, y.stride);
  for (ptrdiff_t r = 0; r < rows; r++)
    product(outputs, w, 1, x + r * groups, groups, matrix_row(alone, r), alone.stride);
  expect_same(y, alone, "y");
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t o = 0; o < outputs; o++) {
      sum sum = {0};
      for (ptrdiff_t g = 0; g < groups; g++) {
        const castle_quantized_group *group = x + r * groups + g;
        int whole = 0;
        for (ptrdiff_t k = 0; k < CASTLE_GROUP_INPUTS; k++)
          whole += panel_weight(&w, is_int4, o, CASTLE_GROUP_INPUTS * g + k) * group->values[k];
        const double scale = panel_scale(&w, o, CASTLE_GROUP_INPUTS * g);
        const bounded factor = b_multiply(b_exact(scale), b_exact(group->scale));
        sum_add(&sum, b_multiply(b_exact(whole), factor));
      }
      expect(matrix_row(y, r)[o], sum_total(&sum, 0), "y", r, o);
    }
  expect_gaps(y, "y");
}

static void check_quantize(const castle_weight_kernels *kernels, ptrdiff_t columns) {
  matrices_clear();
  const ptrdiff_t groups = (columns + CASTLE_GROUP_INPUTS - 1) / CASTLE_GROUP_INPUTS;
  const matrix x = some(1, columns, ONE_OF(magnitudes));
  if (is_spoiled()) x.at[random_whole(0, columns - 1)] = INFINITY;
  castle_quantized_group *result = bytes_make(groups * (ptrdiff_t)sizeof *result);
  case_begin("quantize", "%td", columns);
  kernels->quantize(columns, x.at, result);
  for (ptrdiff_t g = 0; g < groups; g++) {
    double largest = 0;
    int32_t sum = 0;
    for (ptrdiff_t k = 0; k < CASTLE_GROUP_INPUTS; k++) {
      const ptrdiff_t at = CASTLE_GROUP_INPUTS * g + k;
      const double value = at < columns ? x.at[at] : 0;
      largest = isfinite(value) ? fmax(largest, fabs(value)) : NAN;
      if (isnan(largest)) break;
    }
    const double scale = result[g].scale;
    expect(scale, largest < 1e-35 ? b_exact(0) : b_divide(b_exact(largest), b_exact(127)), "scale", 0, g);
    for (ptrdiff_t k = 0; k < CASTLE_GROUP_INPUTS; k++) {
      const ptrdiff_t at = CASTLE_GROUP_INPUTS * g + k;
      const double exact = at < columns && scale > 0 ? x.at[at] / scale : 0;
      const int value = result[g].values[k];
      expect_between(value, fmax(-127, exact - 0.5001), fmin(127, exact + 0.5001), "value", at);
      sum += value;
    }
    expect(result[g].less128, b_exact(-128.0 * sum), "less128", 0, g);
    expect(result[g].less8, b_exact(-8.0 * sum), "less8", 0, g);
  }
}

static void check_packing(
    const castle_weight_kernels *kernels, const castle_weight_kernels *portable, int is_int4,
    ptrdiff_t outputs, ptrdiff_t columns) {
  matrices_clear();
  const ptrdiff_t groups = (columns + CASTLE_GROUP_INPUTS - 1) / CASTLE_GROUP_INPUTS;
  const matrix w = some(outputs, columns, ONE_OF(magnitudes));
  if (is_spoiled()) matrix_row(w, random_whole(0, outputs - 1))[random_whole(0, columns - 1)] = INFINITY;
  const castle_quantized_panels result = make_panels(is_int4, outputs, groups);
  const castle_quantized_panels expected = make_panels(is_int4, outputs, groups);
  case_begin(is_int4 ? "pack_int4" : "pack_int8", "%td x %td", outputs, columns);
  const castle_weight_kernels *both[] = {kernels, portable};
  for (int i = 0; i < 2; i++) {
    const castle_quantized_panels target = i ? expected : result;
    (is_int4 ? both[i]->pack_int4 : both[i]->pack_int8)(
        outputs, columns, w.at, w.stride, (uint8_t *)target.blocks, (uint16_t *)target.scales);
  }
  const ptrdiff_t bytes = groups * (is_int4 ? CASTLE_INT4_BLOCK : CASTLE_INT8_BLOCK);
  const int is_same = !memcmp(result.blocks, expected.blocks, (size_t)bytes) &&
                      !memcmp(result.scales, expected.scales, (size_t)(groups * CASTLE_PANEL_OUTPUTS * 2));
  expect(is_same, b_exact(1), "same bytes as portable", 0, 0);
  for (ptrdiff_t o = 0; o < CASTLE_PANEL_OUTPUTS; o++)
    for (ptrdiff_t k = 0; k < CASTLE_GROUP_INPUTS * groups; k++) {
      const double scale = panel_scale(&result, o, k);
      const int number = panel_weight(&result, is_int4, o, k);
      if (o >= outputs || k >= columns) {
        expect(number, b_exact(0), "padding", o, k);
        continue;
      }
      double largest = 0;
      for (ptrdiff_t i = k / 32 * 32; i < columns && i < k / 32 * 32 + 32; i++) {
        const double value = fabs((double)matrix_row(w, o)[i]);
        largest = isfinite(value) && !isnan(largest) ? fmax(largest, value) : NAN;
      }
      if (isnan(largest)) {
        expect(scale, b_exact(NAN), "scale", o, k);
        continue;
      }
      const double exact = scale ? matrix_row(w, o)[k] / scale : 0;
      const double low = is_int4 ? -8 : -127, high = is_int4 ? 7 : 127;
      expect_between(
          number, fmin(fmax(low, exact - 0.5001), high), fmax(fmin(high, exact + 0.5001), low), "number", k);
      // No scale wastes more than the step that it has to take.
      if (largest > 1e-30)
        expect_between(
            fabs(scale), largest / (is_int4 ? 9.1 : 127), largest / (is_int4 ? 5.9 : 126), "scale", k);
    }
}

static void check_widths(const castle_weight_kernels *kernels, ptrdiff_t columns) {
  matrices_clear();
  const matrix x = some(1, columns, ONE_OF(magnitudes)), wide = matrix_make(1, columns, 0);
  uint16_t *narrow = bytes_make(2 * columns);
  case_begin("narrow and widen", "%td", columns);
  kernels->narrow(columns, x.at, narrow);
  kernels->widen(columns, narrow, wide.at);
  for (ptrdiff_t k = 0; k < columns; k++) {
    const double value = x.at[k];
    // Half a unit in the last of 8 places.
    expect(wide.at[k], (bounded){value, fabs(value) * 0x1p-8 + 0x1p-134}, "widened", 0, k);
  }
  uint64_t *words = bytes_make(8 * columns), sum = 0;
  for (ptrdiff_t k = 0; k < columns; k++) sum += words[k] = (uint64_t)random_whole(0, 1 << 30) << 20;
  case_begin("read", "%td", columns);
  expect((double)(kernels->read(columns, words) - sum), b_exact(0), "excess", 0, 0);
}

void check_weight_kernels(const castle_weight_kernels *kernels) {
  const castle_weight_kernels *portable = castle_weight_kernels_for(CASTLE_ISA_PORTABLE);
  for (ptrdiff_t w = 0; w < COUNT_OF(widths); w++) {
    for (ptrdiff_t h = 0; h < COUNT_OF(heights); h++)
      for (int format = 0; format < 2; format++) {
        check_rows(kernels, format, ONE_OF(counts), widths[w], heights[h]);
        check_panels(kernels, format, ONE_OF(counts), random_whole(1, 7), heights[h]);
      }
    for (int repetition = 0; repetition < 8; repetition++) {
      check_quantize(kernels, widths[w]);
      check_widths(kernels, widths[w]);
      check_packing(kernels, portable, repetition % 2, random_whole(1, 16), widths[w]);
    }
  }
}
