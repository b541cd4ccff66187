// Checks of attention of one token, which has to give the same bits as the functions that it joins.
#include <string.h>

#include "checking.h"

static const ptrdiff_t sizes[] = {1, 15, 24, 64, 96, 100, 128};
static const ptrdiff_t windows[] = {0, 1, 7, 64, 100, PTRDIFF_MAX};
static const ptrdiff_t visibles[] = {1, 5, 64, 70, PTRDIFF_MAX};

enum { WIDTH = CASTLE_PANEL_WIDTH, MOST_PANELS = 3, MOST_HEADS = 3 };

/// Far from all indices, small enough to add some.
static const ptrdiff_t far = PTRDIFF_MAX / 4;

static void multiply(
    const castle_attention_kernels *kernels, ptrdiff_t n, matrix c, castle_update update, castle_term first,
    castle_term second) {
  const castle_product product = {
      .m = c.rows,
      .n = n,
      .c = c.at,
      .c_row = c.stride,
      .c_band = {-far, far},
      .update = update,
      .term_count = second.k ? 2 : 1,
      .terms = {first, second},
  };
  kernels->product(&product);
}

/// A B without zeros that are known; A is given by its strides.
static castle_term term(matrix a, ptrdiff_t a_row, ptrdiff_t a_column, matrix b, ptrdiff_t k) {
  const castle_band whole = {-far, far};
  return (castle_term){a.at, a_row, a_column, b.at, b.stride, k, whole, whole};
}

/// That a result is the same number, infinity or NaN.
static void expect_equal(float result, float expected, const char *name, ptrdiff_t i, ptrdiff_t j) {
  if (result == expected)
    expect(0, b_exact(0), name, i, j);
  else
    expect(result, b_exact(expected), name, i, j);
}

static void expect_equals(matrix result, matrix expected, const char *name) {
  for (ptrdiff_t i = 0; i < result.rows; i++)
    for (ptrdiff_t j = 0; j < result.columns; j++)
      expect_equal(matrix_row(result, i)[j], matrix_row(expected, i)[j], name, i, j);
}

/// What the functions make of one panel, one after the other.
static void reference_panel(
    const castle_attention_kernels *kernels, const castle_decoding *token, ptrdiff_t first, matrix queries,
    matrix ku, matrix vu, matrix kc, matrix qu, matrix u, matrix vc, matrix output, float *references,
    float *sums, const float *weights) {
  const ptrdiff_t d = token->d, diagonal = token->token - first;
  const ptrdiff_t columns = diagonal + 1 < WIDTH ? diagonal + 1 : WIDTH;
  const castle_scores shape = {1, columns, diagonal, token->window, token->silu};
  const ptrdiff_t nearest = diagonal - (shape.columns - 1);
  const int moves = token->window > 0 && (nearest > 1 ? nearest : 1) <= token->window;
  const castle_term none = {0};
  matrix gate = matrix_make(1, WIDTH, 0), causal = matrix_make(1, WIDTH, 0),
         lookahead = matrix_make(1, WIDTH, 0);
  if (moves) {
    multiply(kernels, WIDTH, gate, CASTLE_STORE, term(ku, ku.stride, 1, qu, d), none);
    kernels->gate(&shape, gate.at);
  }
  for (ptrdiff_t head = 0; head < token->heads; head++) {
    const matrix query = {matrix_row(queries, head), 1, d, queries.stride};
    const matrix target = {matrix_row(output, head), 1, token->padded, output.stride};
    if (token->uses_causal_keys)
      multiply(kernels, WIDTH, causal, CASTLE_STORE, term(query, query.stride, 1, kc, d), none);
    else
      memset(causal.at, 0, WIDTH * sizeof(float));
    for (ptrdiff_t j = 0; j < shape.columns && j < diagonal + 1 - token->visible; j++)
      causal.at[j] = -INFINITY;
    if (token->window > 0) {
      const castle_term before = term(query, query.stride, 1, u, d);
      const matrix weight = {(float *)weights + head, 1, 1, 1};
      const castle_term within = term(weight, 1, 1, gate, 1);
      multiply(
          kernels, WIDTH, lookahead, CASTLE_STORE, diagonal == 0 ? within : before,
          diagonal > 0 && moves ? within : none);
    }
    kernels->softmax(
        &shape, causal.at, token->window > 0 ? lookahead.at : 0, references + head, sums + head, target.at,
        output.stride, token->padded);
    multiply(
        kernels, token->padded, target, CASTLE_ADD, term(causal, causal.stride, 1, vc, shape.columns), none);
  }
  if (moves) multiply(kernels, WIDTH, u, CASTLE_ADD, term(vu, 1, vu.stride, gate, 1), none);
}

static void check(const castle_attention_kernels *kernels, ptrdiff_t d) {
  matrices_clear();
  const ptrdiff_t lanes = kernels->lanes, padded = (d + lanes - 1) / lanes * lanes;
  const ptrdiff_t count = random_whole(1, MOST_PANELS), heads = random_whole(1, MOST_HEADS);
  const ptrdiff_t window = ONE_OF(windows);
  const matrix queries = matrix_random(heads, padded, 0, 1), ku = matrix_random(1, padded, 0, 1),
               vu = matrix_random(1, padded, 0, 1);
  const matrix output = matrix_make(heads, padded, 0), weights = matrix_make(1, heads, 0);
  memset(output.at, 0, (size_t)(heads * padded) * sizeof(float));
  const matrix expected = matrix_copy(output, 0);
  float references[2][MOST_HEADS], sums[2][MOST_HEADS];
  for (ptrdiff_t head = 0; head < heads; head++)
    for (int side = 0; side < 2; side++) references[side][head] = -INFINITY, sums[side][head] = 0;
  castle_cached_panel panels[MOST_PANELS];
  matrix parts[MOST_PANELS][4], moved[MOST_PANELS];
  castle_decoding token = {
      .panels = panels,
      .panel_count = count,
      .token = WIDTH * (count - 1) + random_whole(0, 3) * random_whole(0, 21),
      .window = window,
      .visible = window > 0 ? PTRDIFF_MAX : ONE_OF(visibles),
      .silu = (int32_t)random_whole(0, 1),
      .uses_causal_keys = random_whole(0, 3) > 0,
      .d = d,
      .padded = padded,
      .heads = heads,
      .queries = queries.at,
      .ku = ku.at,
      .vu = vu.at,
      .weights = window > 0 ? weights.at : 0,
      .output = output.at,
      .references = references[0],
      .sums = sums[0],
  };
  if (random_whole(0, 7) == 0) matrix_spoil(queries);
  for (ptrdiff_t p = 0; p < count; p++) {
    for (int part = 0; part < 3; part++) parts[p][part] = matrix_random(d, WIDTH, 0, 1);
    // No token has come before that the first key could have read.
    if (token.token == WIDTH * p) memset(parts[p][2].at, 0, (size_t)(d * WIDTH) * sizeof(float));
    parts[p][3] = matrix_random(WIDTH, padded, 0, 1);
    moved[p] = matrix_copy(parts[p][2], 0);
    panels[p] = (castle_cached_panel){
        WIDTH * p, parts[p][0].at, parts[p][1].at, window > 0 ? moved[p].at : 0, parts[p][3].at};
  }
  case_begin(
      "decode", "%td wide, %td heads, token %td, window %td, visible %td, silu %d, causal keys %d", d, heads,
      token.token, window, token.visible, token.silu, token.uses_causal_keys);
  kernels->decode(&token);
  for (ptrdiff_t head = 0; window > 0 && head < heads; head++) {
    double exact = 0, magnitude = 0;
    for (ptrdiff_t i = 0; i < d; i++) {
      const double product = (double)matrix_row(queries, head)[i] * vu.at[i];
      exact += product;
      magnitude += fabs(product);
    }
    expect(
        weights.at[head], b_rounded((bounded){exact, 2 * (double)d * 0x1p-24 * magnitude}, 1), "weight", 0,
        head);
  }
  for (ptrdiff_t p = 0; p < count; p++)
    reference_panel(
        kernels, &token, WIDTH * p, queries, ku, vu, parts[p][0], parts[p][1], parts[p][2], parts[p][3],
        expected, references[1], sums[1], weights.at);
  expect_equals(output, expected, "output");
  for (ptrdiff_t head = 0; head < heads; head++) {
    expect_equal(references[0][head], references[1][head], "reference", 0, head);
    expect_equal(sums[0][head], sums[1][head], "sum", 0, head);
  }
  for (ptrdiff_t p = 0; window > 0 && p < count; p++) expect_equals(moved[p], parts[p][2], "u");
}

void check_decoding(const castle_attention_kernels *kernels) {
  for (ptrdiff_t s = 0; s < COUNT_OF(sizes); s++)
    for (int round = 0; round < 60; round++) check(kernels, sizes[s]);
}
