// The passes over a block of scores between its products. Included after transpose_template.h.
#pragma once

typedef double vd __attribute__((vector_size(8 * CASTLE_LANES)));

/// In double precision: what is subtracted from dot products that it equals nearly must not add an error of its own.
static void CASTLE_NAME(row_dots)(
    ptrdiff_t rows, ptrdiff_t d, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, float *y) {
  for (ptrdiff_t i = 0; i < rows; i++, a += a_row, b += b_row) {
    vd sums = {0};
    for (ptrdiff_t v = 0; v < d; v += CASTLE_LANES) {
      const size_t n = (size_t)least(CASTLE_LANES, d - v);
      sums += __builtin_convertvector(vf_load_first(a + v, n), vd) *
              __builtin_convertvector(vf_load_first(b + v, n), vd);
    }
    double sum = 0;
    for (int lane = 0; lane < CASTLE_LANES; lane++) sum += sums[lane];
    y[i] = (float)sum;
  }
}

enum { PAIR = 2 * CASTLE_LANES };

/// How far a score may lie above the reference that it is measured from: no risk to a sum of many exponentials.
#define LARGEST_EXPONENT 8.0f

/// x where first <= j + lane < end, `other` elsewhere.
CASTLE_INLINE vf2 within(vf2 x, vf2 other, ptrdiff_t j, ptrdiff_t first, ptrdiff_t end) {
  if (j >= first && j + PAIR <= end) return x;
  vi2 lane;
  for (int v = 0; v < PAIR; v++) lane[v] = v;
  const int32_t low = (int32_t)most(-1, first - j);
  const int32_t high = (int32_t)least(PAIR, most(-1, end - j));
  return vf2_select((lane >= low) & (lane < high), x, other);
}

/// The columns of row i whose keys have read the row's token: from `*first` to before the result.
CASTLE_INLINE ptrdiff_t read_columns(const castle_scores *block, ptrdiff_t i, ptrdiff_t *first) {
  const ptrdiff_t token = block->diagonal + i;
  *first = most(0, token - least(block->window, token));
  return most(0, least(block->columns, token));
}

static void CASTLE_NAME(gate)(const castle_scores *block, float *z) {
  const vf2 scale = vf2_set(block->scale);
  const ptrdiff_t rows = block->rows;
  for (ptrdiff_t i = 0; i < rows; i++) {
    ptrdiff_t first;
    const ptrdiff_t end = read_columns(block, i, &first);
    float *row = z + i * CASTLE_PANEL_WIDTH;
#pragma clang loop unroll(full)
    for (ptrdiff_t j = 0; j < CASTLE_PANEL_WIDTH; j += PAIR) {
      vf2 g = {0};
      if (j < end && j + PAIR > first)
        g = within(vf2_sigmoid(vf2_load(row + j) * scale), g, j, first, end);
      vf2_store(row + j, g);
    }
  }
}

static void CASTLE_NAME(gate_backward)(const castle_scores *block, const float *gate, float *d_gate) {
  const vf2 scale = vf2_set(block->scale);
  const ptrdiff_t rows = block->rows;
  for (ptrdiff_t i = 0; i < rows; i++) {
    ptrdiff_t first;
    const ptrdiff_t end = read_columns(block, i, &first);
    const float *gate_row = gate + i * CASTLE_PANEL_WIDTH;
    float *row = d_gate + i * CASTLE_PANEL_WIDTH;
#pragma clang loop unroll(full)
    for (ptrdiff_t j = 0; j < CASTLE_PANEL_WIDTH; j += PAIR) {
      vf2 d = {0};
      if (j < end && j + PAIR > first) {
        const vf2 g = vf2_load(gate_row + j);
        d = within(vf2_load(row + j) * (g * (1.0f - g)) * scale, d, j, first, end);
      }
      vf2_store(row + j, d);
    }
  }
}

/// The causal terms of a row become scores; the result is the largest.
CASTLE_INLINE float row_scores(
    const castle_scores *block, ptrdiff_t end, float *causal, const float *lookahead, const int silu) {
  const vf2 scale = vf2_set(block->scale);
  const vf2 none = vf2_set(-__builtin_inff());
  vf largest = vf2_low(none);
  for (ptrdiff_t j = 0; j < end; j += PAIR) {
    vf2 a = vf2_load(causal + j) * scale;
    if (lookahead) {
      const vf2 x = vf2_load(lookahead + j) * scale;
      a -= silu ? x * vf2_sigmoid_factor(x) : x;
    }
    a = within(a, none, j, 0, end);
    vf2_store(causal + j, a);
    largest = vf_max(largest, vf_max(vf2_low(a), vf2_high(a)));
  }
  return vf_largest(largest);
}

/// The scores of a row become exp(score - largest), 0 from `end` on; the result is their sum.
CASTLE_INLINE float row_exponentials(const castle_scores *block, ptrdiff_t end, float *scores, float largest) {
  vf2 sum = {0};
  ptrdiff_t j = 0;
  for (; j < end; j += PAIR) {
    const vf2 p = vf2_exp(vf2_load(scores + j) - largest);
    vf2_store(scores + j, p);
    sum += p;
  }
  for (; j < CASTLE_PANEL_WIDTH; j += PAIR) vf2_store(scores + j, (vf2){0});
  return vf_sum(vf2_low(sum) + vf2_high(sum));
}

/// Of a row whose scores are all wanted and nowhere much above `reference`, they become exp(score - reference), and
/// their sum is added to `sum`. Returns 0 if the row is not like that; then nothing is changed.
CASTLE_INLINE int whole_row_exponentials(
    const castle_scores *block, float *causal, const float *lookahead, float reference, float *sum,
    const int silu) {
  const vf2 scale = vf2_set(block->scale);
  vf2 a[CASTLE_PANEL_WIDTH / PAIR];
  vf largest = vf_set(-__builtin_inff());
#pragma clang loop unroll(full)
  for (int v = 0; v < CASTLE_PANEL_WIDTH / PAIR; v++) {
    a[v] = vf2_fma(vf2_load(causal + v * PAIR), scale, vf2_set(-reference));
    if (lookahead) {
      const vf2 x = vf2_load(lookahead + v * PAIR) * scale;
      a[v] -= silu ? x * vf2_sigmoid_factor(x) : x;
    }
    largest = vf_max(vf_max(vf2_low(a[v]), vf2_high(a[v])), largest);
  }
  if (__builtin_expect(vf_exceeds(largest, LARGEST_EXPONENT), 0)) return 0;
  vf2 total = {0};
#pragma clang loop unroll(full)
  for (int v = 0; v < CASTLE_PANEL_WIDTH / PAIR; v++) {
    const vf2 p = vf2_exp_small(a[v]);
    vf2_store(causal + v * PAIR, p);
    total += p;
  }
  *sum += vf_sum(vf2_low(total) + vf2_high(total));
  return 1;
}

CASTLE_INLINE void softmax_rows(
    const castle_scores *block, float *causal, const float *lookahead, float *references, float *sums,
    float *output, ptrdiff_t output_row, ptrdiff_t d, const int silu) {
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    float *row = causal + i * CASTLE_PANEL_WIDTH;
    const float *lookahead_row = lookahead ? lookahead + i * CASTLE_PANEL_WIDTH : 0;
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i + 1));
    const float before = references[i];
    if (end == CASTLE_PANEL_WIDTH &&
        whole_row_exponentials(block, row, lookahead_row, before, sums + i, silu))
      continue;
    const float largest = row_scores(block, end, row, lookahead_row, silu);
    if (!(largest > before)) {
      sums[i] += row_exponentials(block, end, row, before);
      continue;
    }
    const vf shrink = vf_exp(vf_set(before - largest));
    references[i] = largest;
    sums[i] = sums[i] * shrink[0] + row_exponentials(block, end, row, largest);
    float *out = output + i * output_row;
    for (ptrdiff_t v = 0; v < d; v += CASTLE_LANES) vf_store(out + v, vf_load(out + v) * shrink);
  }
}

static void CASTLE_NAME(softmax)(
    const castle_scores *block, float *causal, const float *lookahead, float *references, float *sums,
    float *output, ptrdiff_t output_row, ptrdiff_t d) {
  if (!lookahead)
    softmax_rows(block, causal, 0, references, sums, output, output_row, d, 0);
  else if (block->silu)
    softmax_rows(block, causal, lookahead, references, sums, output, output_row, d, 1);
  else
    softmax_rows(block, causal, lookahead, references, sums, output, output_row, d, 0);
}

CASTLE_INLINE void row_backward(
    const castle_scores *block, ptrdiff_t end, float *causal, float *lookahead, float *d_probability,
    float log_sum_exp, float delta, const int silu) {
  const vf2 scale = vf2_set(block->scale);
  ptrdiff_t j = 0;
  for (; j < end; j += PAIR) {
    vf2 a = vf2_fma(vf2_load(causal + j), scale, vf2_set(-log_sum_exp));
    vf2 slope = vf2_set(1.0f);
    if (lookahead) {
      const vf2 x = vf2_load(lookahead + j) * scale;
      if (silu) {
        const vf2 s = vf2_sigmoid_factor(x), xs = x * s;
        slope = vf2_fma(xs, 1.0f - s, s);
        a -= xs;
      } else {
        a -= x;
      }
    }
    const vf2 p = within(vf2_exp(a), (vf2){0}, j, 0, end);
    const vf2 d_score = within(
        p * vf2_fma(vf2_load(d_probability + j), scale, vf2_set(-delta * block->scale)), (vf2){0}, j, 0, end);
    vf2_store(causal + j, p);
    vf2_store(d_probability + j, d_score);
    if (lookahead) vf2_store(lookahead + j, within(-slope * d_score, (vf2){0}, j, 0, end));
  }
  for (; j < CASTLE_PANEL_WIDTH; j += PAIR) {
    vf2_store(causal + j, (vf2){0});
    vf2_store(d_probability + j, (vf2){0});
    if (lookahead) vf2_store(lookahead + j, (vf2){0});
  }
}

CASTLE_INLINE void softmax_backward_rows(
    const castle_scores *block, float *causal, float *lookahead, float *d_probability,
    const float *log_sum_exp, const float *delta, const int silu) {
  for (ptrdiff_t i = 0; i < block->rows; i++) {
    const ptrdiff_t start = i * CASTLE_PANEL_WIDTH;
    float *p = causal + start, *s = lookahead ? lookahead + start : 0, *d = d_probability + start;
    const ptrdiff_t end = most(0, least(block->columns, block->diagonal + i + 1));
    if (end == CASTLE_PANEL_WIDTH)
      row_backward(block, CASTLE_PANEL_WIDTH, p, s, d, log_sum_exp[i], delta[i], silu);
    else
      row_backward(block, end, p, s, d, log_sum_exp[i], delta[i], silu);
  }
}

static void CASTLE_NAME(softmax_backward)(
    const castle_scores *block, float *causal, float *lookahead, float *d_probability,
    const float *log_sum_exp, const float *delta) {
  if (!lookahead)
    softmax_backward_rows(block, causal, 0, d_probability, log_sum_exp, delta, 0);
  else if (block->silu)
    softmax_backward_rows(block, causal, lookahead, d_probability, log_sum_exp, delta, 1);
  else
    softmax_backward_rows(block, causal, lookahead, d_probability, log_sum_exp, delta, 0);
}

const castle_attention_kernels CASTLE_NAME(castle_attention_kernels) = {
    .lanes = CASTLE_LANES,
    .product = CASTLE_NAME(product),
    .transpose = CASTLE_NAME(transpose),
    .row_dots = CASTLE_NAME(row_dots),
    .gate = CASTLE_NAME(gate),
    .gate_backward = CASTLE_NAME(gate_backward),
    .softmax = CASTLE_NAME(softmax),
    .softmax_backward = CASTLE_NAME(softmax_backward),
};
