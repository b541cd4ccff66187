// What the checks of the kernels share: random inputs, memory that shows stray reads and writes, and the
// comparison of results with what they should be.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bounded.h"
#include "castle_kernels.h"

#define COUNT_OF(array) ((ptrdiff_t)(sizeof(array) / sizeof *(array)))
#define ONE_OF(array) ((array)[random_whole(0, COUNT_OF(array) - 1)])

/// Begins the random numbers again.
void random_begin(uint64_t seed);

/// A whole number from `low` to `high`.
ptrdiff_t random_whole(ptrdiff_t low, ptrdiff_t high);

/// From -1 to 1.
double random_uniform(void);

/// Rows of adjacent floats, `stride` apart. The memory after the last element cannot be touched; all that
/// belongs to no row is a pattern.
typedef struct matrix {
  float *at;
  ptrdiff_t rows;
  ptrdiff_t columns;
  ptrdiff_t stride;
} matrix;

/// Gives back every matrix.
void matrices_clear(void);

/// A matrix of NaN with `gap` elements between its rows.
matrix matrix_make(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t gap);

/// A matrix with numbers of up to `magnitude`, some 0 and some too small for all their digits (denormal).
matrix matrix_random(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t gap, double magnitude);

/// A copy, with a gap of its own.
matrix matrix_copy(matrix source, ptrdiff_t gap);

/// Sets one element to NaN.
void matrix_spoil(matrix x);

static inline float *matrix_row(matrix x, ptrdiff_t i) { return x.at + i * x.stride; }
static inline bounded matrix_exact(matrix x, ptrdiff_t i, ptrdiff_t j) {
  return b_exact(x.at[i * x.stride + j]);
}

/// How far the results of one function are from the truth, in units of what is allowed.
typedef struct tally {
  const char *function;
  long values;
  long inexact;
  double largest;
  double squares;
  long failures;
} tally;

/// One run of all checks of a table.
typedef struct report {
  const char *isa;
  tally tallies[32];
  ptrdiff_t count;
} report;

/// Where the comparisons from here on are counted.
void report_begin(report *report, const char *isa);

/// Begins a case of `function`, of which the rest is a description for messages.
void case_begin(const char *function, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// Compares a result. NaN has to be NaN.
void expect(double result, bounded expected, const char *name, ptrdiff_t i, ptrdiff_t j);

/// That a result lies in a range.
void expect_between(double result, double low, double high, const char *name, ptrdiff_t i);

/// That nothing was written between and before the rows of a matrix.
void expect_gaps(matrix x, const char *name);

/// That x is still what `before` was, bit by bit.
void expect_same(matrix x, matrix before, const char *name);

/// The checks; widths of operands are multiples of `lanes`.
void check_products(const castle_attention_kernels *kernels, ptrdiff_t lanes);
void check_scores(const castle_attention_kernels *kernels, ptrdiff_t lanes);
void check_decoding(const castle_attention_kernels *kernels);
void check_row_kernels(const castle_row_kernels *kernels);
void check_weight_kernels(const castle_weight_kernels *kernels);
