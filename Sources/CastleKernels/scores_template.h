// The passes over a block of scores between its products. Included after product_template.h.
#pragma once

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4)));

static void CASTLE_NAME(transpose)(
    ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t source_row, float *target,
    ptrdiff_t target_row) {
  const ptrdiff_t whole_rows = rows & ~(ptrdiff_t)3, whole_columns = columns & ~(ptrdiff_t)3;
  for (ptrdiff_t j = 0; j < whole_columns; j += 4) {
    for (ptrdiff_t i = 0; i < whole_rows; i += 4) {
      const float *from = source + i * source_row + j;
      const v4 a = *(const v4_unaligned *)from;
      const v4 b = *(const v4_unaligned *)(from + source_row);
      const v4 c = *(const v4_unaligned *)(from + 2 * source_row);
      const v4 d = *(const v4_unaligned *)(from + 3 * source_row);
      const v4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      const v4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const v4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      const v4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      float *to = target + j * target_row + i;
      *(v4_unaligned *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
      *(v4_unaligned *)(to + target_row) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
      *(v4_unaligned *)(to + 2 * target_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
      *(v4_unaligned *)(to + 3 * target_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    }
    for (ptrdiff_t i = whole_rows; i < rows; i++)
      for (ptrdiff_t v = j; v < j + 4; v++) target[v * target_row + i] = source[i * source_row + v];
  }
  for (ptrdiff_t j = whole_columns; j < columns; j++)
    for (ptrdiff_t i = 0; i < rows; i++) target[j * target_row + i] = source[i * source_row + j];
}

/// x where first <= j + lane < end, `other` elsewhere.
CASTLE_INLINE vf within(vf x, vf other, ptrdiff_t j, ptrdiff_t first, ptrdiff_t end) {
  if (j >= first && j + CASTLE_LANES <= end) return x;
  vi lane;
  for (int v = 0; v < CASTLE_LANES; v++) lane[v] = v;
  const int32_t low = (int32_t)most(-1, first - j);
  const int32_t high = (int32_t)least(CASTLE_LANES, most(-1, end - j));
  return vf_select((lane >= low) & (lane < high), x, other);
}

static void CASTLE_NAME(gate)(const castle_scores *block, ptrdiff_t window, float *z) {
  const vf scale = vf_set(block->scale);
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    float *row = z + i * block->stride;
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i));
    const ptrdiff_t first = most(0, block->diagonal + i - least(window, block->diagonal + i));
    ptrdiff_t j = 0;
    for (; j + CASTLE_LANES <= first; j += CASTLE_LANES) vf_store(row + j, (vf){0});
    for (; j < end; j += CASTLE_LANES)
      vf_store(row + j, within(vf_sigmoid(vf_load(row + j) * scale), (vf){0}, j, first, end));
    for (; j < block->stride; j += CASTLE_LANES) vf_store(row + j, (vf){0});
  }
}

static void CASTLE_NAME(gate_backward)(const castle_scores *block, const float *gate, float *d_gate) {
  const vf scale = vf_set(block->scale);
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i));
    for (ptrdiff_t j = 0; j < block->stride; j += CASTLE_LANES) {
      const vf g = vf_load(gate + i * block->stride + j);
      float *place = d_gate + i * block->stride + j;
      vf_store(place, j < end ? within(vf_load(place) * (g * (1.0f - g)) * scale, (vf){0}, j, 0, end) : (vf){0});
    }
  }
}

/// The score of a causal term q.k and a lookahead term q.u, both already scaled.
CASTLE_INLINE vf score(vf causal, vf lookahead, int silu) {
  return causal - (silu ? lookahead * vf_sigmoid(lookahead) : lookahead);
}

/// The causal terms of a row become scores; the result is the largest.
CASTLE_INLINE float row_scores(
    const castle_scores *block, ptrdiff_t end, float *causal, const float *lookahead, const int silu) {
  const vf scale = vf_set(block->scale);
  const vf none = vf_set(-__builtin_inff());
  vf largest = none;
  for (ptrdiff_t j = 0; j < end; j += CASTLE_LANES) {
    vf a = vf_load(causal + j) * scale;
    if (lookahead) a = score(a, vf_load(lookahead + j) * scale, silu);
    a = within(a, none, j, 0, end);
    vf_store(causal + j, a);
    largest = vf_max(largest, a);
  }
  return vf_largest(largest);
}

static void CASTLE_NAME(softmax)(
    const castle_scores *block, float *causal, const float *lookahead, float *maxima, float *sums,
    float *output, ptrdiff_t output_row, ptrdiff_t d) {
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    float *row = causal + i * block->stride;
    const float *lookahead_row = lookahead ? lookahead + i * block->stride : 0;
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i + 1));
    const float largest = !lookahead    ? row_scores(block, end, row, 0, 0)
                          : block->silu ? row_scores(block, end, row, lookahead_row, 1)
                                        : row_scores(block, end, row, lookahead_row, 0);
    const float before = maxima[i];
    const float after = largest > before ? largest : before;
    vf sum = {0};
    ptrdiff_t j = 0;
    for (; j < end; j += CASTLE_LANES) {
      const vf p = vf_exp(vf_load(row + j) - after);
      vf_store(row + j, p);
      sum += p;
    }
    for (; j < block->stride; j += CASTLE_LANES) vf_store(row + j, (vf){0});
    const vf shrink = vf_exp(vf_set(before - after));
    maxima[i] = after;
    sums[i] = sums[i] * shrink[0] + vf_sum(sum);
    if (after == before) continue;
    float *out = output + i * output_row;
    for (ptrdiff_t v = 0; v < d; v += CASTLE_LANES) {
      const size_t lanes = (size_t)least(CASTLE_LANES, d - v);
      vf_store_first(out + v, vf_load_first(out + v, lanes) * shrink, lanes);
    }
  }
}

CASTLE_INLINE void row_backward(
    const castle_scores *block, ptrdiff_t end, float *causal, float *lookahead, float *d_probability,
    float log_sum_exp, float delta, const int silu) {
  const vf scale = vf_set(block->scale);
  ptrdiff_t j = 0;
  for (; j < end; j += CASTLE_LANES) {
    vf a = vf_load(causal + j) * scale;
    vf slope = vf_set(1.0f);
    if (lookahead) {
      const vf x = vf_load(lookahead + j) * scale;
      if (silu) {
        const vf s = vf_sigmoid(x);
        slope = s * vf_fma(x, 1.0f - s, vf_set(1.0f));
        a = a - x * s;
      } else {
        a = a - x;
      }
    }
    const vf p = within(vf_exp(a - log_sum_exp), (vf){0}, j, 0, end);
    const vf d_score = within(p * (vf_load(d_probability + j) - delta) * scale, (vf){0}, j, 0, end);
    vf_store(causal + j, p);
    vf_store(d_probability + j, d_score);
    if (lookahead) vf_store(lookahead + j, within(-slope * d_score, (vf){0}, j, 0, end));
  }
  for (; j < block->stride; j += CASTLE_LANES) {
    vf_store(causal + j, (vf){0});
    vf_store(d_probability + j, (vf){0});
    if (lookahead) vf_store(lookahead + j, (vf){0});
  }
}

static void CASTLE_NAME(softmax_backward)(
    const castle_scores *block, float *causal, float *lookahead, float *d_probability,
    const float *log_sum_exp, const float *delta) {
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i + 1));
    const ptrdiff_t start = i * block->stride;
    float *p = causal + start, *d = d_probability + start;
    if (!lookahead)
      row_backward(block, end, p, 0, d, log_sum_exp[i], delta[i], 0);
    else if (block->silu)
      row_backward(block, end, p, lookahead + start, d, log_sum_exp[i], delta[i], 1);
    else
      row_backward(block, end, p, lookahead + start, d, log_sum_exp[i], delta[i], 0);
  }
}

const castle_attention_kernels CASTLE_NAME(castle_attention_kernels) = {
    .lanes = CASTLE_LANES,
    .product = CASTLE_NAME(product),
    .transpose = CASTLE_NAME(transpose),
    .gate = CASTLE_NAME(gate),
    .gate_backward = CASTLE_NAME(gate_backward),
    .softmax = CASTLE_NAME(softmax),
    .softmax_backward = CASTLE_NAME(softmax_backward),
};
