// The passes over a block of scores between its products. Included after transpose_template.h.
#pragma once

typedef double vd __attribute__((vector_size(8 * CASTLE_LANES)));

/// In double precision: what is subtracted from dot products that it equals nearly must not add an error of
/// its own.
static void CASTLE_NAME(row_dots)(
    ptrdiff_t rows, ptrdiff_t d, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, float *y) {
  for (ptrdiff_t i = 0; i < rows; i++, a += a_row, b += b_row) {
    if (i % ROWS_AHEAD == 0) fetch_rows(ROWS_AHEAD, rows - i, d, b, b_row);
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

// Scores, and what gates are made of, are in units of ln 2: their exponentials are powers of two.

/// How far a score may be above the reference that it is measured from: no risk to a sum of many
/// exponentials.
#define LARGEST_EXPONENT 12.0f

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
  const ptrdiff_t rows = block->rows;
  for (ptrdiff_t i = 0; i < rows; i++) {
    ptrdiff_t first;
    const ptrdiff_t end = read_columns(block, i, &first);
    float *row = z + i * CASTLE_PANEL_WIDTH;
#pragma clang loop unroll(full)
    for (ptrdiff_t j = 0; j < CASTLE_PANEL_WIDTH; j += PAIR) {
      vf2 g = {0};
      if (j < end && j + PAIR > first)
        g = within(vf2_sigmoid2(vf2_load(row + j)), g, j, first, end);
      vf2_store(row + j, g);
    }
  }
}

static void CASTLE_NAME(gate_backward)(const castle_scores *block, const float *gate, float *d_gate) {
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
        d = within(vf2_load(row + j) * (g * (1.0f - g)), d, j, first, end);
      }
      vf2_store(row + j, d);
    }
  }
}

/// The columns of row i whose keys a query sees: those before the result.
CASTLE_INLINE ptrdiff_t visible_columns(const castle_scores *block, ptrdiff_t i) {
  return most(0, least(block->columns, block->diagonal + i + 1));
}

/// The causal terms of a row become scores, if there are lookahead terms; the result's lanes have the
/// largest.
CASTLE_INLINE vf row_scores(ptrdiff_t end, float *causal, const float *lookahead, const int silu) {
  const vf2 none = vf2_set(-__builtin_inff());
  vf largest = vf2_low(none);
  for (ptrdiff_t j = 0; j < end; j += PAIR) {
    vf2 a = vf2_load(causal + j);
    if (lookahead) {
      const vf2 x = vf2_load(lookahead + j);
      a -= silu ? x * vf2_sigmoid2_factor(x) : x;
      vf2_store(causal + j, a);
    }
    a = within(a, none, j, 0, end);
    largest = vf_max(vf_max(vf2_low(a), vf2_high(a)), largest);
  }
  return largest;
}

/// The scores of a row become 2^(score - reference), 0 from `end` on; the result is their sum.
CASTLE_INLINE float row_exponentials(ptrdiff_t end, float *scores, float reference) {
  vf2 sum = {0};
  ptrdiff_t j = 0;
  for (; j < end; j += PAIR) {
    const vf2 p = within(vf2_exp2_small(vf2_load(scores + j) - reference), (vf2){0}, j, 0, end);
    vf2_store(scores + j, p);
    sum += p;
  }
  for (; j < CASTLE_PANEL_WIDTH; j += PAIR) vf2_store(scores + j, (vf2){0});
  return vf_sum(vf2_low(sum) + vf2_high(sum));
}

CASTLE_INLINE void softmax_rows(
    const castle_scores *block, float *causal, const float *lookahead, float *references, float *sums,
    float *output, ptrdiff_t output_row, ptrdiff_t d, const int silu) {
  vf largest = {0};
  // The exponentials of a row wait for its scores: they follow a row later.
  for (ptrdiff_t i = 0; i <= block->rows; i++) {
    const vf largest_before = largest;
    if (i < block->rows) {
      float *row = causal + i * CASTLE_PANEL_WIDTH;
      const float *lookahead_row = lookahead ? lookahead + i * CASTLE_PANEL_WIDTH : 0;
      const ptrdiff_t end = visible_columns(block, i);
      largest = end == CASTLE_PANEL_WIDTH ? row_scores(CASTLE_PANEL_WIDTH, row, lookahead_row, silu)
                                          : row_scores(end, row, lookahead_row, silu);
    }
    if (i == 0) continue;
    const ptrdiff_t k = i - 1, end = visible_columns(block, k);
    float *row = causal + k * CASTLE_PANEL_WIDTH;
    const float before = references[k];
    if (end > 0 && (before == -__builtin_inff() || vf_exceeds(largest_before, before + LARGEST_EXPONENT))) {
      const float highest = vf_largest(largest_before);
      if (!(highest > -__builtin_inff())) {
        // Only -infinity, or no number: there is no reference yet, and nothing to subtract.
        sums[k] += row_exponentials(end, row, 0.0f);
        continue;
      }
      references[k] = highest;
      const vf2 shrink = vf2_exp2(vf2_set(before - highest));
      sums[k] *= shrink[0];
      float *out = output + k * output_row;
      for (ptrdiff_t v = 0; v < d; v += CASTLE_LANES) vf_store(out + v, vf_load(out + v) * vf2_low(shrink));
    }
    sums[k] += end == CASTLE_PANEL_WIDTH ? row_exponentials(CASTLE_PANEL_WIDTH, row, references[k])
                                         : row_exponentials(end, row, references[k]);
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

/// The causal terms of a row become scores less the log-sum-exp, the lookahead terms the slopes of the
/// scores.
CASTLE_INLINE void row_slopes(
    ptrdiff_t end, float *causal, float *lookahead, float log_sum_exp, const int silu) {
  for (ptrdiff_t j = 0; j < end; j += PAIR) {
    const vf2 a = vf2_load(causal + j) - log_sum_exp * LOG2_E, x = vf2_load(lookahead + j);
    if (silu) {
      const vf2 s = vf2_sigmoid2_factor(x), xs = x * s;
      vf2_store(causal + j, a - xs);
      vf2_store(lookahead + j, vf2_fma(xs, vf2_fma(s, vf2_set(LN_2), vf2_set(-LN_2)), -s));
    } else {
      vf2_store(causal + j, a - x);
      vf2_store(lookahead + j, vf2_set(-1.0f));
    }
  }
}

/// P, dA and dS of a row, of which `row_slopes` has made the last if there is a `lookahead`.
CASTLE_INLINE void row_backward(
    ptrdiff_t end, float *causal, float *lookahead, float *d_probability, float log_sum_exp, float delta) {
  ptrdiff_t j = 0;
  for (; j < end; j += PAIR) {
    vf2 a = vf2_load(causal + j);
    if (!lookahead) a -= log_sum_exp * LOG2_E;
    const vf2 p = within(vf2_exp2_small(a), (vf2){0}, j, 0, end);
    const vf2 d_score = within(p * (vf2_load(d_probability + j) - delta), (vf2){0}, j, 0, end);
    vf2_store(causal + j, p);
    vf2_store(d_probability + j, d_score);
    if (lookahead) vf2_store(lookahead + j, within(vf2_load(lookahead + j) * d_score, (vf2){0}, j, 0, end));
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
  // The exponentials of a row wait for its slopes: they follow a row later.
  for (ptrdiff_t i = 0; i <= block->rows; i++) {
    if (lookahead && i < block->rows) {
      float *a = causal + i * CASTLE_PANEL_WIDTH, *s = lookahead + i * CASTLE_PANEL_WIDTH;
      const ptrdiff_t end = visible_columns(block, i);
      if (end == CASTLE_PANEL_WIDTH)
        row_slopes(CASTLE_PANEL_WIDTH, a, s, log_sum_exp[i], silu);
      else
        row_slopes(end, a, s, log_sum_exp[i], silu);
    }
    if (i == 0) continue;
    const ptrdiff_t start = (i - 1) * CASTLE_PANEL_WIDTH;
    float *p = causal + start, *s = lookahead ? lookahead + start : 0, *d = d_probability + start;
    const ptrdiff_t end = visible_columns(block, i - 1);
    if (end == CASTLE_PANEL_WIDTH)
      row_backward(CASTLE_PANEL_WIDTH, p, s, d, log_sum_exp[i - 1], delta[i - 1]);
    else
      row_backward(end, p, s, d, log_sum_exp[i - 1], delta[i - 1]);
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
