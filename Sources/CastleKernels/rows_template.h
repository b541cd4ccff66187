// The loops of castle_row_kernels.h. Included after exponentials.h.
#pragma once

#include <math.h>

enum { ROW_PAIR = 2 * CASTLE_LANES };

/// The first `n` of two vectors from memory, the others 0.
CASTLE_INLINE vf2 vf2_load_first(const float *p, ptrdiff_t n) {
  if (n >= ROW_PAIR) return vf2_load(p);
  const size_t low = n < CASTLE_LANES ? (size_t)n : CASTLE_LANES;
  return vf2_join(vf_load_first(p, low), vf_load_first(p + low, (size_t)n - low));
}

/// Stores the first `n` of two vectors.
CASTLE_INLINE void vf2_store_first(float *p, vf2 x, ptrdiff_t n) {
  if (n >= ROW_PAIR) {
    vf2_store(p, x);
    return;
  }
  const size_t low = n < CASTLE_LANES ? (size_t)n : CASTLE_LANES;
  vf_store_first(p, vf2_low(x), low);
  vf_store_first(p + low, vf2_high(x), (size_t)n - low);
}

CASTLE_INLINE float vf2_sum(vf2 x) { return vf_sum(vf2_low(x) + vf2_high(x)); }

static void CASTLE_NAME(add)(ptrdiff_t count, const float *x, float *y) {
  for (ptrdiff_t j = 0; j < count; j += ROW_PAIR) {
    const ptrdiff_t n = count - j;
    vf2_store_first(y + j, vf2_load_first(y + j, n) + vf2_load_first(x + j, n), n);
  }
}

enum { DOUBLES = CASTLE_LANES / 2 };

/// As many doubles as fill a vector, and as many floats.
typedef double vd __attribute__((vector_size(8 * DOUBLES)));
typedef float vf_half __attribute__((vector_size(4 * DOUBLES), aligned(4)));

static double CASTLE_NAME(sum_of_squares)(ptrdiff_t count, const float *x) {
  vd sums[4] = {{0}, {0}, {0}, {0}};
  ptrdiff_t j = 0;
  for (; j + 4 * DOUBLES <= count; j += 4 * DOUBLES) {
    for (int k = 0; k < 4; k++) {
      const vd v = __builtin_convertvector(*(const vf_half *)(x + j + k * DOUBLES), vd);
      sums[k] += v * v;
    }
  }
  double total = 0;
  for (; j < count; j++) total += (double)x[j] * x[j];
  const vd all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int lane = 0; lane < DOUBLES; lane++) total += all[lane];
  return total;
}

static void CASTLE_NAME(rms_norm)(
    ptrdiff_t rows, ptrdiff_t columns, float *x, ptrdiff_t x_row, const float *residual,
    ptrdiff_t residual_row, const float *weight, float epsilon, float *y, ptrdiff_t y_row, float *scales) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    float *row = x + i * x_row;
    vf2 sum = {0};
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      vf2 v = vf2_load_first(row + j, n);
      if (residual) {
        v += vf2_load_first(residual + i * residual_row + j, n);
        vf2_store_first(row + j, v, n);
      }
      sum = vf2_fma(v, v, sum);
    }
    const float scale = 1.0f / sqrtf(vf2_sum(sum) / (float)columns + epsilon);
    scales[i] = scale;
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      const vf2 v = vf2_load_first(row + j, n) * scale * vf2_load_first(weight + j, n);
      vf2_store_first(y + i * y_row + j, v, n);
    }
  }
}

static void CASTLE_NAME(rms_norm_backward)(
    ptrdiff_t rows, ptrdiff_t columns, const float *dy, ptrdiff_t dy_row, const float *x, ptrdiff_t x_row,
    const float *weight, const float *scales, float *dx, ptrdiff_t dx_row, float *d_weight) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *dy_i = dy + i * dy_row, *x_i = x + i * x_row;
    const float scale = scales[i];
    vf2 sum = {0};
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      const vf2 product = vf2_load_first(dy_i + j, n) * vf2_load_first(x_i + j, n);
      sum = vf2_fma(product, vf2_load_first(weight + j, n), sum);
      vf2_store_first(d_weight + j, vf2_fma(product, vf2_set(scale), vf2_load_first(d_weight + j, n)), n);
    }
    const float along = vf2_sum(sum) * scale * scale / (float)columns;
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      const vf2 across = vf2_load_first(dy_i + j, n) * vf2_load_first(weight + j, n);
      const vf2 d = (across - vf2_load_first(x_i + j, n) * along) * scale;
      vf2_store_first(dx + i * dx_row + j, vf2_load_first(dx + i * dx_row + j, n) + d, n);
    }
  }
}

static void CASTLE_NAME(rotate)(
    ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t half, float *x, ptrdiff_t x_row, const int32_t *positions,
    const float *table, ptrdiff_t table_row, float sign) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *cosines = table + positions[i] * table_row, *sines = cosines + half;
    for (ptrdiff_t head = 0; head < heads; head++) {
      float *low = x + i * x_row + head * 2 * half, *high = low + half;
      for (ptrdiff_t j = 0; j < half; j += CASTLE_LANES) {
        const size_t n = half - j < CASTLE_LANES ? (size_t)(half - j) : CASTLE_LANES;
        const vf a = vf_load_first(low + j, n), b = vf_load_first(high + j, n);
        const vf cosine = vf_load_first(cosines + j, n), sine = vf_load_first(sines + j, n) * sign;
        vf_store_first(low + j, a * cosine - b * sine, n);
        vf_store_first(high + j, b * cosine + a * sine, n);
      }
    }
  }
}

static void CASTLE_NAME(swiglu)(
    ptrdiff_t rows, ptrdiff_t columns, const float *gate_up, ptrdiff_t gate_up_row, float *y,
    ptrdiff_t y_row) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *gate = gate_up + i * gate_up_row, *up = gate + columns;
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      const vf2 g = vf2_load_first(gate + j, n);
      vf2_store_first(y + i * y_row + j, g * vf2_sigmoid(g) * vf2_load_first(up + j, n), n);
    }
  }
}

static void CASTLE_NAME(swiglu_backward)(
    ptrdiff_t rows, ptrdiff_t columns, const float *dy, ptrdiff_t dy_row, const float *gate_up,
    ptrdiff_t gate_up_row, float *d, ptrdiff_t d_row) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *gate = gate_up + i * gate_up_row, *up = gate + columns;
    float *d_gate = d + i * d_row, *d_up = d_gate + columns;
    for (ptrdiff_t j = 0; j < columns; j += ROW_PAIR) {
      const ptrdiff_t n = columns - j;
      const vf2 g = vf2_load_first(gate + j, n), u = vf2_load_first(up + j, n);
      const vf2 upstream = vf2_load_first(dy + i * dy_row + j, n);
      const vf2 s = vf2_sigmoid(g);
      vf2_store_first(d_gate + j, upstream * u * s * vf2_fma(g, 1.0f - s, vf2_set(1.0f)), n);
      vf2_store_first(d_up + j, upstream * g * s, n);
    }
  }
}

/// The largest of a row.
CASTLE_INLINE float row_largest(ptrdiff_t columns, const float *row) {
  vf largest = vf_set(-__builtin_inff());
  ptrdiff_t j = 0;
  for (; j + CASTLE_LANES <= columns; j += CASTLE_LANES) largest = vf_max(largest, vf_load(row + j));
  float result = vf_largest(largest);
  for (; j < columns; j++) result = row[j] > result ? row[j] : result;
  return result;
}

static void CASTLE_NAME(cross_entropy)(
    ptrdiff_t rows, ptrdiff_t columns, float *logits, ptrdiff_t logits_row, const int32_t *targets,
    int32_t gradient, float scale, float *losses) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    float *row = logits + i * logits_row;
    if (targets[i] < 0) {
      losses[i] = 0;
      if (gradient) memset(row, 0, (size_t)columns * sizeof *row);
      continue;
    }
    const float largest = row_largest(columns, row), chosen = row[targets[i]];
    vf2 sums = {0};
    ptrdiff_t j = 0;
    for (; j + ROW_PAIR <= columns; j += ROW_PAIR) {
      const vf2 p = vf2_exp(vf2_load(row + j) - largest);
      if (gradient) vf2_store(row + j, p);
      sums += p;
    }
    float sum = vf2_sum(sums);
    if (j < columns) {
      const vf2 p = vf2_exp(vf2_load_first(row + j, columns - j) - largest);
      if (gradient) vf2_store_first(row + j, p, columns - j);
      for (ptrdiff_t lane = 0; lane < columns - j; lane++) sum += p[lane];
    }
    losses[i] = logf(sum) + (largest - chosen);
    if (!gradient) continue;
    const vf2 factor = vf2_set(scale / sum);
    for (j = 0; j < columns; j += ROW_PAIR)
      vf2_store_first(row + j, vf2_load_first(row + j, columns - j) * factor, columns - j);
    row[targets[i]] -= scale;
  }
}

static void CASTLE_NAME(adamw)(
    ptrdiff_t count, float *weights, const float *gradients, float *first, float *second,
    const castle_adamw *step) {
  const float rest1 = 1.0f - step->beta1, rest2 = 1.0f - step->beta2;
  for (ptrdiff_t j = 0; j < count; j += CASTLE_LANES) {
    const size_t n = count - j < CASTLE_LANES ? (size_t)(count - j) : CASTLE_LANES;
    const vf g = vf_load_first(gradients + j, n) * step->gradient_scale;
    const vf m = vf_fma(vf_load_first(first + j, n), vf_set(step->beta1), g * rest1);
    const vf v = vf_fma(vf_load_first(second + j, n), vf_set(step->beta2), g * g * rest2);
    const vf root = __builtin_elementwise_sqrt(v * step->second_correction) + step->epsilon;
    const vf before = vf_load_first(weights + j, n);
    const vf w = before - vf_fma(before, vf_set(step->shrink), m / root * step->rate);
    vf_store_first(first + j, m, n);
    vf_store_first(second + j, v, n);
    vf_store_first(weights + j, w, n);
  }
}

const castle_row_kernels CASTLE_NAME(castle_row_kernels) = {
    .add = CASTLE_NAME(add),
    .sum_of_squares = CASTLE_NAME(sum_of_squares),
    .rms_norm = CASTLE_NAME(rms_norm),
    .rms_norm_backward = CASTLE_NAME(rms_norm_backward),
    .rotate = CASTLE_NAME(rotate),
    .swiglu = CASTLE_NAME(swiglu),
    .swiglu_backward = CASTLE_NAME(swiglu_backward),
    .cross_entropy = CASTLE_NAME(cross_entropy),
    .adamw = CASTLE_NAME(adamw),
};
