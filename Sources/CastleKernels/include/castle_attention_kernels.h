// The vector loops of attention: small matrix products, and the passes over blocks of scores between them.
//
// A block has rows i (queries, token t = first row + i) and columns j (keys, token s = first column + j).
// `diagonal` is first row - first column: column j comes before token t exactly if j < diagonal + i.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "castle_isa.h"

/// The diagonal band of a matrix: of row i the elements from begin + i to before end + i.
typedef struct castle_band {
  ptrdiff_t begin;
  ptrdiff_t end;
} castle_band;

/// One summand op(A) B of a product. A is m x k with free strides, B is k x n with adjacent columns.
typedef struct castle_term {
  const float *a;
  ptrdiff_t a_row;
  ptrdiff_t a_column;
  const float *b;
  ptrdiff_t b_row;
  ptrdiff_t k;
  /// A and B are zero outside these.
  castle_band a_band;
  castle_band b_band;
} castle_term;

/// What a product does with C.
typedef enum castle_update { CASTLE_STORE = 0, CASTLE_ADD = 1, CASTLE_SUBTRACT = 2 } castle_update;

/// C <- sum of the terms, or C +- that sum. C is m x n; n is a multiple of the lane count.
typedef struct castle_product {
  ptrdiff_t m;
  ptrdiff_t n;
  float *c;
  ptrdiff_t c_row;
  /// Nothing else of C is needed.
  castle_band c_band;
  castle_update update;
  int32_t term_count;
  castle_term terms[2];
} castle_product;

/// The keys of a whole panel: the distance between rows of all blocks of scores. A multiple of twice any lane
/// count.
enum { CASTLE_PANEL_WIDTH = 64 };

/// How the scores of a block follow from its products, and which of them exist.
typedef struct castle_scores {
  ptrdiff_t rows;
  /// The keys of this block: columns from here on are padding.
  ptrdiff_t columns;
  ptrdiff_t diagonal;
  /// How many tokens after its own a key reads.
  ptrdiff_t window;
  /// Whether the lookahead term passes through SiLU.
  int32_t silu;
} castle_scores;

/// What a cache has of the tokens of one panel, in one KV head.
typedef struct castle_cached_panel {
  /// The first token.
  ptrdiff_t first;
  /// k^C and q^U as columns, d x panel width; q^U where the window reaches the panel.
  const float *kc;
  const float *qu;
  /// The lookahead keys as columns; null without lookahead.
  float *u;
  /// v^C as rows, `padded` wide.
  const float *vc;
} castle_cached_panel;

/// One token whose queries meet panels of a cache, its own among them.
typedef struct castle_decoding {
  const castle_cached_panel *panels;
  ptrdiff_t panel_count;
  /// The place of the token: no panel has a later one.
  ptrdiff_t token;
  /// How many tokens after its own a key reads, and how many the token sees.
  ptrdiff_t window;
  ptrdiff_t visible;
  int32_t silu;
  int32_t uses_causal_keys;
  ptrdiff_t d;
  ptrdiff_t padded;
  /// The query heads of this KV head; rows of `queries` and `output` are `padded` apart. Queries and k^U are
  /// scaled by log2(e) / sqrt(d), v^U is not; these two are read with lookahead alone.
  ptrdiff_t heads;
  const float *queries;
  const float *ku;
  const float *vu;
  /// Room for q . v^U, an element a head; null without lookahead.
  float *weights;
  /// Sums of values times 2^(score - reference), the references and the sums of the powers alone; an element
  /// or a row a head.
  float *output;
  float *references;
  float *sums;
} castle_decoding;

/// The loops for one instruction set.
typedef struct castle_attention_kernels {
  /// The number of floats in a vector.
  ptrdiff_t lanes;

  void (*product)(const castle_product *product);

  /// target <- factor * source, rows x columns; the rows of target are filled up to whole vectors with zeros.
  void (*copy)(
      ptrdiff_t rows, ptrdiff_t columns, float factor, const float *source, ptrdiff_t source_row,
      float *target, ptrdiff_t target_row);

  /// target <- factor * source, rows x columns, past the caches if rows are whole cache lines: for what is
  /// not read again before much else was. Source and target may be the same.
  void (*write)(
      ptrdiff_t rows, ptrdiff_t columns, float factor, const float *source, ptrdiff_t source_row,
      float *target, ptrdiff_t target_row);

  /// target, columns x rows, <- source, rows x columns, transposed.
  void (*transpose)(
      ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t source_row, float *target,
      ptrdiff_t target_row);

  /// y[i] <- row i of a . row i of b, `d` wide.
  void (*row_dots)(
      ptrdiff_t rows, ptrdiff_t d, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row,
      float *y);

  // What follows takes scores, and q.k of gates, in units of ln 2: of products with queries or keys that are
  // scaled by log2(e) / sqrt(d).

  /// z <- 1 / (1 + 2^-z) where token t = row i has been read by key s = column j, that is where
  /// s < t <= s + window; 0 elsewhere.
  void (*gate)(const castle_scores *block, float *z);

  /// dG <- dG * G (1 - G) where the token has been read, 0 elsewhere.
  void (*gate_backward)(const castle_scores *block, const float *gate, float *d_gate);

  /// Online softmax over one more block. `causal` holds q.k and becomes 2^(score - reference); `lookahead`
  /// holds q.u, or is null. Row by row, `references` (a score at most a little below the largest, at first
  /// -infinity) and `sums` go on, and `output`, d wide, is rescaled.
  void (*softmax)(
      const castle_scores *block, float *causal, const float *lookahead, float *references, float *sums,
      float *output, ptrdiff_t output_row, ptrdiff_t d);

  /// `product`, `gate` and `softmax` for a block of one row and all panels, with the same bits: panels are
  /// added to what is in `output`, `references` and `sums`, and the lookahead keys that read the token move.
  void (*decode)(const castle_decoding *token);

  /// causal: q.k in, the probabilities P out. lookahead: q.u in, dS out (or null). d_probability: dO.v in, dA
  /// out; dS and dA are derivatives by scores in units of 1. `log_sum_exp`, in units of 1 too, and `delta`
  /// (dO.o) have an element a row.
  void (*softmax_backward)(
      const castle_scores *block, float *causal, float *lookahead, float *d_probability,
      const float *log_sum_exp, const float *delta);
} castle_attention_kernels;

/// The loops for `isa`, or null if castle_isa_is_available says no.
const castle_attention_kernels *castle_attention_kernels_for(castle_isa isa);
