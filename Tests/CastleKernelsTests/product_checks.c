// Checks of small matrix products, copies and transposes.
#include "checking.h"

static const castle_band whole = {-(PTRDIFF_MAX / 4), PTRDIFF_MAX / 4};

static int in_band(castle_band band, ptrdiff_t i, ptrdiff_t j) {
  return j >= band.begin + i && j < band.end + i;
}

/// A band of a matrix: all, an end, a beginning, or both; it may be empty.
static castle_band random_band(ptrdiff_t rows, ptrdiff_t columns) {
  castle_band band = whole;
  const ptrdiff_t kind = random_whole(0, 4);
  if (kind == 1 || kind == 3) band.end = random_whole(-rows, columns);
  if (kind == 2) band.begin = random_whole(-rows, columns);
  if (kind == 3) band.begin = band.end - random_whole(0, columns);
  return band;
}

/// A term and the matrices that it points to: A as it lies in memory, either way round.
typedef struct operands {
  matrix a;
  matrix b;
  int transposed;
  /// Rows of B from here on are NaN. Rows of C may not show it where A's band ends before.
  ptrdiff_t known;
} operands;

static float *a_element(const operands *x, ptrdiff_t i, ptrdiff_t k) {
  return x->transposed ? matrix_row(x->a, k) + i : matrix_row(x->a, i) + k;
}

static castle_term make_term(operands *x, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
  x->transposed = (int)random_whole(0, 1);
  x->a =
      x->transposed ? matrix_random(k, m, random_whole(0, 5), 2) : matrix_random(m, k, random_whole(0, 5), 2);
  x->b = matrix_random(k, n, random_whole(0, 5), 2);
  x->known = k;
  const castle_term term = {
      .a = x->a.at,
      .a_row = x->transposed ? 1 : x->a.stride,
      .a_column = x->transposed ? x->a.stride : 1,
      .b = x->b.at,
      .b_row = x->b.stride,
      .k = k,
      .a_band = random_band(m, k),
      .b_band = random_band(k, n),
  };
  for (ptrdiff_t l = 0; l < k; l++) {
    for (ptrdiff_t i = 0; i < m; i++)
      if (!in_band(term.a_band, i, l)) *a_element(x, i, l) = 0;
    for (ptrdiff_t j = 0; j < n; j++)
      if (!in_band(term.b_band, l, j)) matrix_row(x->b, l)[j] = 0;
  }
  if (term.a_band.end < k && term.b_band.begin == whole.begin && term.b_band.end == whole.end) {
    x->known = random_whole(0, k);
    for (ptrdiff_t l = x->known; l < k; l++)
      for (ptrdiff_t j = 0; j < n; j++) matrix_row(x->b, l)[j] = NAN;
  }
  return term;
}

static bounded true_element(
    const castle_product *product, const operands *operands, matrix before, ptrdiff_t i, ptrdiff_t j) {
  sum s = {0};
  const double sign = product->update == CASTLE_SUBTRACT ? -1 : 1;
  if (product->update != CASTLE_STORE) sum_add(&s, matrix_exact(before, i, j));
  for (int t = 0; t < product->term_count; t++)
    for (ptrdiff_t k = 0; k < operands[t].known; k++) {
      const double a = *a_element(&operands[t], i, k), b = matrix_row(operands[t].b, k)[j];
      sum_add(&s, b_exact(sign * a * b));
    }
  return sum_total(&s, 1);
}

static void check_product(const castle_attention_kernels *kernels, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
  matrices_clear();
  operands operands[2];
  const ptrdiff_t c_gap = random_whole(0, 5);
  castle_product product = {
      .m = m,
      .n = n,
      .c_row = n + c_gap,
      .c_band = random_band(m, n),
      .update = (castle_update)random_whole(CASTLE_STORE, CASTLE_SUBTRACT),
      .term_count = (int32_t)random_whole(1, 2),
  };
  for (int t = 0; t < product.term_count; t++)
    product.terms[t] = make_term(&operands[t], m, n, t == 0 ? k : random_whole(1, 64));
  // What is not needed may be anything, as may all of C where it is only written.
  const matrix before = matrix_random(m, n, 0, 2);
  for (ptrdiff_t i = 0; i < m; i++)
    for (ptrdiff_t j = 0; j < n; j++)
      if (product.update == CASTLE_STORE || !in_band(product.c_band, i, j)) matrix_row(before, i)[j] = NAN;
  const matrix c = matrix_copy(before, c_gap);
  product.c = c.at;
  case_begin(
      "product", "m %td, n %td, k %td, %d terms, update %d, first A %s", m, n, k, product.term_count,
      product.update, operands[0].transposed ? "transposed" : "as it lies");

  kernels->product(&product);
  for (ptrdiff_t i = 0; i < m; i++) {
    int is_known = 1;
    for (int t = 0; t < product.term_count; t++)
      is_known &=
          operands[t].known == product.terms[t].k || product.terms[t].a_band.end + i <= operands[t].known;
    for (ptrdiff_t j = 0; is_known && j < n; j++)
      if (in_band(product.c_band, i, j))
        expect(matrix_row(c, i)[j], true_element(&product, operands, before, i, j), "C", i, j);
  }
  expect_gaps(c, "C");
}

static void check_copy(const castle_attention_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  matrices_clear();
  const ptrdiff_t lanes = kernels->lanes, whole = (columns + lanes - 1) / lanes * lanes;
  const matrix source = matrix_random(rows, columns, random_whole(0, 5), 1);
  const matrix target = matrix_make(rows, whole, random_whole(0, 5));
  const float factor = random_whole(0, 1) ? 1 : (float)random_uniform();
  case_begin("copy", "%td x %td, times %g", rows, columns, factor);
  kernels->copy(rows, columns, factor, source.at, source.stride, target.at, target.stride);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < whole; j++) {
      const bounded result =
          j < columns ? b_multiply(b_exact(factor), matrix_exact(source, i, j)) : b_exact(0);
      expect(matrix_row(target, i)[j], result, "target", i, j);
    }
  expect_gaps(target, "target");
}

/// Some targets are whole cache lines, some lie at the source itself.
static void check_write(const castle_attention_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  matrices_clear();
  const ptrdiff_t gap = ONE_OF(((const ptrdiff_t[]){0, 1, 5, 16}));
  const matrix source = matrix_random(rows, columns, gap, 1), before = matrix_copy(source, 0);
  const int in_place = (int)random_whole(0, 1);
  const matrix target = in_place ? source : matrix_make(rows, columns, gap);
  const float factor = (float)random_uniform();
  case_begin("write", "%td x %td, gaps of %td, times %g, in place %d", rows, columns, gap, factor, in_place);
  kernels->write(rows, columns, factor, source.at, source.stride, target.at, target.stride);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j++)
      expect(
          matrix_row(target, i)[j], b_multiply(b_exact(factor), matrix_exact(before, i, j)), "target", i, j);
  expect_gaps(target, "target");
}

static void check_transpose(const castle_attention_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  matrices_clear();
  const matrix source = matrix_random(rows, columns, random_whole(0, 5), 1);
  const matrix target = matrix_make(columns, rows, random_whole(0, 5));
  case_begin("transpose", "%td x %td", rows, columns);
  kernels->transpose(rows, columns, source.at, source.stride, target.at, target.stride);
  for (ptrdiff_t i = 0; i < columns; i++)
    for (ptrdiff_t j = 0; j < rows; j++)
      expect(matrix_row(target, i)[j], matrix_exact(source, j, i), "target", i, j);
  expect_gaps(target, "target");
}

void check_products(const castle_attention_kernels *kernels, ptrdiff_t lanes) {
  static const ptrdiff_t heights[] = {1, 2, 5, 6, 7, 13, 63, 64}, depths[] = {0, 1, 7, 63, 64};
  for (ptrdiff_t m = 0; m < COUNT_OF(heights); m++)
    for (ptrdiff_t n = lanes; n <= 80; n += n < 5 * lanes ? lanes : 3 * lanes)
      for (ptrdiff_t k = 0; k < COUNT_OF(depths); k++) check_product(kernels, heights[m], n, depths[k]);

  static const ptrdiff_t sizes[] = {1, 3, 4, 7, 15, 16, 17, 31, 63, 64, 65};
  for (ptrdiff_t rows = 0; rows < COUNT_OF(sizes); rows++)
    for (ptrdiff_t columns = 0; columns < COUNT_OF(sizes); columns++) {
      check_copy(kernels, sizes[rows], sizes[columns]);
      check_write(kernels, sizes[rows], sizes[columns]);
      check_transpose(kernels, sizes[rows], sizes[columns]);
    }
}
