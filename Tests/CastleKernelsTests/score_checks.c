// Checks of the passes over blocks of scores.
#include "checking.h"

static const ptrdiff_t sizes[] = {1, 7, 63, 64};
static const ptrdiff_t windows[] = {0, 1, 7, 64, PTRDIFF_MAX};
static const double magnitudes[] = {1, 20, 300, 1e4};

enum { WIDTH = CASTLE_PANEL_WIDTH };

static castle_scores random_scores(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t diagonal) {
  return (castle_scores){
      .rows = rows,
      .columns = columns,
      .diagonal = diagonal,
      .window = ONE_OF(windows),
      .silu = (int32_t)random_whole(0, 1),
  };
}

static void case_of(const char *function, const castle_scores *block, int has_lookahead) {
  case_begin(
      function, "%td rows, %td columns, diagonal %td, window %td, lookahead %d, silu %d", block->rows,
      block->columns, block->diagonal, block->window, has_lookahead, block->silu);
}

/// Whether the key of column j has read the token of row i, and whether the query of row i sees the key.
static int is_read(const castle_scores *block, ptrdiff_t i, ptrdiff_t j) {
  const ptrdiff_t distance = block->diagonal + i - j;
  return j < block->columns && distance > 0 && distance <= block->window;
}

static int is_visible(const castle_scores *block, ptrdiff_t i, ptrdiff_t j) {
  return j < block->columns && j <= block->diagonal + i;
}

/// A block of numbers; NaN where `needed` says no, and in a tenth of the other places if it is to be
/// `spoiled`.
static matrix random_block(
    const castle_scores *block, int needed(const castle_scores *, ptrdiff_t, ptrdiff_t), double magnitude,
    int spoiled) {
  const matrix x = matrix_random(block->rows, WIDTH, 0, magnitude);
  for (ptrdiff_t i = 0; i < x.rows; i++)
    for (ptrdiff_t j = 0; j < WIDTH; j++)
      if (!needed(block, i, j) || (spoiled && random_whole(0, 9) == 0)) matrix_row(x, i)[j] = NAN;
  return x;
}

static int is_spoiled(void) { return random_whole(0, 3) == 0; }

static void check_row_dots(const castle_attention_kernels *kernels, ptrdiff_t rows, ptrdiff_t d) {
  matrices_clear();
  const matrix a = matrix_random(rows, d, random_whole(0, 3), 1),
               b = matrix_random(rows, d, random_whole(0, 3), 1);
  const matrix y = matrix_make(1, rows, 0);
  if (is_spoiled()) matrix_spoil(a);
  case_begin("row_dots", "%td rows, %td wide", rows, d);
  kernels->row_dots(rows, d, a.at, a.stride, b.at, b.stride, y.at);
  for (ptrdiff_t i = 0; i < rows; i++) {
    // In double precision, as the loop here: both make their own error.
    double dot = 0, magnitude = 0;
    for (ptrdiff_t j = 0; j < d; j++) {
      const double product = (double)matrix_row(a, i)[j] * matrix_row(b, i)[j];
      dot += product;
      magnitude += fabs(product);
    }
    expect(y.at[i], b_rounded((bounded){dot, 2 * (double)d * 0x1p-53 * magnitude}, 1), "y", 0, i);
  }
  expect_gaps(y, "y");
}

static void check_gate(const castle_attention_kernels *kernels, castle_scores block) {
  matrices_clear();
  const matrix z = random_block(&block, is_read, ONE_OF(magnitudes), is_spoiled()),
               before = matrix_copy(z, 0);
  case_of("gate", &block, 1);
  kernels->gate(&block, z.at);
  for (ptrdiff_t i = 0; i < block.rows; i++)
    for (ptrdiff_t j = 0; j < WIDTH; j++) {
      const bounded gate = b_sigmoid2(matrix_exact(before, i, j));
      expect(matrix_row(z, i)[j], is_read(&block, i, j) ? gate : b_exact(0), "z", i, j);
    }
  expect_gaps(z, "z");
}

static void check_gate_backward(const castle_attention_kernels *kernels, castle_scores block) {
  matrices_clear();
  const matrix gate = random_block(&block, is_read, 1, 0);
  const matrix d = random_block(&block, is_read, ONE_OF(magnitudes), is_spoiled());
  for (ptrdiff_t i = 0; i < block.rows; i++)
    for (ptrdiff_t j = 0; j < WIDTH; j++) matrix_row(gate, i)[j] = fabsf(matrix_row(gate, i)[j]);
  matrix_row(gate, block.rows - 1)[0] = 1;
  const matrix before = matrix_copy(d, 0), gate_before = matrix_copy(gate, 0);
  case_of("gate_backward", &block, 1);
  kernels->gate_backward(&block, gate.at, d.at);
  for (ptrdiff_t i = 0; i < block.rows; i++)
    for (ptrdiff_t j = 0; j < WIDTH; j++) {
      const bounded g = matrix_exact(gate, i, j), slope = b_multiply(g, b_subtract(b_exact(1), g));
      const bounded result = b_multiply(matrix_exact(before, i, j), slope);
      expect(matrix_row(d, i)[j], is_read(&block, i, j) ? result : b_exact(0), "dG", i, j);
    }
  expect_gaps(d, "dG");
  expect_same(gate, gate_before, "G");
}

/// The score.
static bounded score(const castle_scores *block, bounded causal, const bounded *lookahead) {
  if (!lookahead) return causal;
  return b_subtract(causal, block->silu ? b_multiply(*lookahead, b_sigmoid2(*lookahead)) : *lookahead);
}

/// What goes on from block to block, and the largest score so far.
typedef struct softmax_state {
  matrix references;
  matrix sums;
  matrix output;
  bounded largest[WIDTH];
} softmax_state;

/// How far a score may be above the reference.
#define ALLOWANCE 12.0

static void check_softmax_row(
    const castle_scores *block, softmax_state *state, const softmax_state *old, matrix p, matrix causal,
    const matrix *lookahead, ptrdiff_t i) {
  const double reference = state->references.at[i], before = old->references.at[i];
  const int is_first = before == -INFINITY;
  sum sum = {0};
  int is_nan = 0, is_empty = 1;
  for (ptrdiff_t j = 0; j < WIDTH; j++) {
    const float result = matrix_row(p, i)[j];
    is_empty &= !is_visible(block, i, j);
    if (!is_visible(block, i, j)) {
      expect(result, b_exact(0), "P", i, j);
      continue;
    }
    const bounded s = lookahead ? matrix_exact(*lookahead, i, j) : b_exact(0);
    const bounded a = score(block, matrix_exact(causal, i, j), lookahead ? &s : 0);
    is_nan |= isnan(a.value) || a.value == INFINITY;
    if (isnan(a.value)) expect(result, a, "P", i, j);
    sum_add(&sum, b_exact(result));
    if (a.value == -INFINITY) {
      expect(result, b_exact(0), "P", i, j);
      continue;
    }
    if (a.value > state->largest[i].value) state->largest[i].value = a.value;
    if (a.error > state->largest[i].error) state->largest[i].error = a.error;
  }
  if (is_nan) {  // Then of the row only that it ends as NaN.
    expect(state->sums.at[i], b_exact(NAN), "sums", 0, i);
    return;
  }
  if (is_empty || state->largest[i].value == -INFINITY) {
    expect_between(reference, before, before, "references", i);
    expect(state->sums.at[i], b_exact(old->sums.at[i]), "sums", 0, i);
    for (ptrdiff_t v = 0; v < state->output.columns; v++)
      expect(matrix_row(state->output, i)[v], matrix_exact(old->output, i, v), "output", i, v);
    return;
  }
  for (ptrdiff_t j = 0; j < WIDTH; j++)
    if (is_visible(block, i, j)) {
      const bounded s = lookahead ? matrix_exact(*lookahead, i, j) : b_exact(0);
      const bounded a = score(block, matrix_exact(causal, i, j), lookahead ? &s : 0);
      if (a.value > -INFINITY)
        expect(matrix_row(p, i)[j], b_exp2(b_subtract(a, b_exact(reference))), "P", i, j);
    }
  const double highest = state->largest[i].value + state->largest[i].error;
  const bounded allowed = b_add(b_exact(reference), b_exact(ALLOWANCE));
  const double lowest = highest - 2 * state->largest[i].error - ALLOWANCE - allowed.error;
  expect_between(reference, lowest, highest, "references", i);
  const bounded shrink =
      b_exp2(is_first ? b_exact(-INFINITY) : b_subtract(b_exact(before), b_exact(reference)));
  expect(
      state->sums.at[i], b_add(b_multiply(b_exact(old->sums.at[i]), shrink), sum_total(&sum, 0)), "sums", 0,
      i);
  for (ptrdiff_t v = 0; v < state->output.columns; v++)
    expect(
        matrix_row(state->output, i)[v], b_multiply(matrix_exact(old->output, i, v), shrink), "output", i, v);
}

/// Sets scores to -infinity: all of every other row, or some; or one to +infinity, after which the row is
/// NaN.
static void add_infinities(matrix causal, int may_be_positive) {
  const ptrdiff_t kind = random_whole(0, 5);
  for (ptrdiff_t i = 0; i < causal.rows; i++)
    for (ptrdiff_t j = 0; j < causal.columns; j++)
      if ((kind == 0 && i % 2 == 0) || (kind == 1 && random_whole(0, 9) == 0))
        matrix_row(causal, i)[j] = -INFINITY;
  if (kind == 2 && may_be_positive)
    matrix_row(causal, random_whole(0, causal.rows - 1))[random_whole(0, causal.columns - 1)] = INFINITY;
}

/// Blocks of several panels one after another, with and without the lookahead term.
static void check_softmax(
    const castle_attention_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t diagonal,
    ptrdiff_t d) {
  enum { BLOCKS = 3 };
  const int has_lookahead = (int)random_whole(0, 1), is_last_spoiled = is_spoiled();
  softmax_state state = {0};
  matrices_clear();
  state.references = matrix_make(1, rows, 0);
  state.sums = matrix_make(1, rows, 0);
  for (ptrdiff_t i = 0; i < rows; i++) {
    state.references.at[i] = -INFINITY;
    state.sums.at[i] = 0;
    state.largest[i].value = -INFINITY;
  }
  for (int b = 0; b < BLOCKS; b++) {
    castle_scores block = random_scores(rows, columns, b == 0 ? diagonal : diagonal + random_whole(-80, 80));
    const int spoiled = is_last_spoiled && b == BLOCKS - 1;
    const matrix p = random_block(&block, is_visible, ONE_OF(magnitudes), spoiled && !has_lookahead);
    const matrix lookahead = random_block(&block, is_visible, ONE_OF(magnitudes), spoiled && has_lookahead);
    add_infinities(p, is_last_spoiled && b == BLOCKS - 1);
    const matrix causal = matrix_copy(p, 0), lookahead_before = matrix_copy(lookahead, 0);
    state.output = matrix_random(rows, d, random_whole(0, 5), 3);
    softmax_state old = state;
    old.references = matrix_copy(state.references, 0);
    old.sums = matrix_copy(state.sums, 0);
    old.output = matrix_copy(state.output, 0);
    case_of("softmax", &block, has_lookahead);
    kernels->softmax(
        &block, p.at, has_lookahead ? lookahead.at : 0, state.references.at, state.sums.at, state.output.at,
        state.output.stride, d);
    for (ptrdiff_t i = 0; i < rows; i++)
      check_softmax_row(&block, &state, &old, p, causal, has_lookahead ? &lookahead_before : 0, i);
    expect_gaps(p, "P");
    expect_gaps(state.output, "output");
    expect_same(lookahead, lookahead_before, "lookahead");
  }
  expect_gaps(state.references, "references");
  expect_gaps(state.sums, "sums");
}

/// SiLU'(x) or 1, for x in units of ln 2.
static bounded slope(const castle_scores *block, bounded x) {
  if (!block->silu) return b_exact(1);
  const bounded s = b_sigmoid2(x), ln2 = b_constant(M_LN2);
  const bounded rest = b_subtract(ln2, b_multiply(s, ln2));
  return b_add(s, b_multiply(b_multiply(x, s), rest));
}

static void check_softmax_backward(const castle_attention_kernels *kernels, castle_scores block) {
  matrices_clear();
  const int has_lookahead = (int)random_whole(0, 1);
  const matrix p = random_block(&block, is_visible, ONE_OF(magnitudes), is_spoiled());
  const matrix ds = random_block(&block, is_visible, ONE_OF(magnitudes), is_spoiled());
  const matrix da = random_block(&block, is_visible, 3, is_spoiled());
  const matrix causal = matrix_copy(p, 0), lookahead = matrix_copy(ds, 0), d_probability = matrix_copy(da, 0);
  const matrix log_sum_exp = matrix_make(1, block.rows, 0), delta = matrix_random(1, block.rows, 0, 3);
  const matrix delta_before = matrix_copy(delta, 0);
  for (ptrdiff_t i = 0; i < block.rows; i++) {
    double largest = -INFINITY, sum = 0;
    for (int is_sum = 0; is_sum < 2; is_sum++)
      for (ptrdiff_t j = 0; j < WIDTH; j++) {
        const bounded s = matrix_exact(lookahead, i, j);
        if (!is_visible(&block, i, j)) continue;
        const double a = score(&block, matrix_exact(causal, i, j), has_lookahead ? &s : 0).value;
        if (isnan(a)) continue;
        if (is_sum) sum += exp2(a - largest);
        else largest = fmax(largest, a);
      }
    // There may be other blocks.
    log_sum_exp.at[i] = sum > 0 ? (float)(M_LN2 * (largest + log2(sum)) + fabs(random_uniform())) : 0;
  }
  case_of("softmax_backward", &block, has_lookahead);
  kernels->softmax_backward(&block, p.at, has_lookahead ? ds.at : 0, da.at, log_sum_exp.at, delta.at);
  for (ptrdiff_t i = 0; i < block.rows; i++)
    for (ptrdiff_t j = 0; j < WIDTH; j++) {
      bounded probability = b_exact(0), d_score = b_exact(0), d_lookahead = b_exact(0);
      if (is_visible(&block, i, j)) {
        const bounded s = matrix_exact(lookahead, i, j);
        const bounded reference = b_in_powers_of_two(b_exact(log_sum_exp.at[i]));
        const bounded a = b_subtract(matrix_exact(causal, i, j), reference);
        probability = b_exp2(score(&block, a, has_lookahead ? &s : 0));
        d_score =
            b_multiply(probability, b_subtract(matrix_exact(d_probability, i, j), b_exact(delta.at[i])));
        d_lookahead = b_negative(b_multiply(slope(&block, s), d_score));
      }
      expect(matrix_row(p, i)[j], probability, "P", i, j);
      expect(matrix_row(da, i)[j], d_score, "dA", i, j);
      if (has_lookahead) expect(matrix_row(ds, i)[j], d_lookahead, "dS", i, j);
    }
  if (!has_lookahead) expect_same(ds, lookahead, "what was not given");
  expect_same(delta, delta_before, "delta");
  expect_gaps(p, "P");
}

void check_scores(const castle_attention_kernels *kernels, ptrdiff_t lanes) {
  static const ptrdiff_t diagonals[] = {-70, -3, 0, 1, 5, 63, 64, 200};
  for (ptrdiff_t d = 1; d <= 65; d++) check_row_dots(kernels, ONE_OF(sizes), d);
  for (ptrdiff_t rows = 0; rows < COUNT_OF(sizes); rows++)
    for (ptrdiff_t columns = 0; columns < COUNT_OF(sizes); columns++)
      for (ptrdiff_t g = 0; g < COUNT_OF(diagonals); g++) {
        const ptrdiff_t diagonal = diagonals[g];
        check_gate(kernels, random_scores(sizes[rows], sizes[columns], diagonal));
        check_gate_backward(kernels, random_scores(sizes[rows], sizes[columns], diagonal));
        check_softmax_backward(kernels, random_scores(sizes[rows], sizes[columns], diagonal));
        check_softmax(kernels, sizes[rows], sizes[columns], diagonal, lanes * random_whole(1, 3));
      }
}
