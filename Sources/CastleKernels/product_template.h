// Small matrix products whose operands are in the cache. Included after simd.h.
#pragma once

#if defined(CASTLE_AVX512)
#define CASTLE_TILE_VECTORS 4  // 6 x 4 sums, 4 columns of B, of 32 registers
#elif CASTLE_LANES == 4 && !defined(CASTLE_PORTABLE)
#define CASTLE_TILE_VECTORS 4  // NEON has 32 registers too
#else
#define CASTLE_TILE_VECTORS 2  // 6 x 2 sums, 2 columns of B, of 16 registers
#endif
#define CASTLE_TILE_ROWS 6
#define CASTLE_NARROW_VECTORS 2  // columns of a strip of a triangle

CASTLE_INLINE ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
CASTLE_INLINE ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/// sums <- sums + a b for one column of A and one row of B, in the rows from `first` on.
CASTLE_INLINE void tile_step(
    const float *a, ptrdiff_t a_row, const float *b, const int first, const int rows, const int vectors,
    vf sums[CASTLE_TILE_ROWS][CASTLE_TILE_VECTORS]) {
  vf columns[CASTLE_TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) columns[v] = vf_load(b + v * CASTLE_LANES);
#pragma clang loop unroll(full)
  for (int r = first; r < rows; r++) {
    const vf x = vf_set(a[r * a_row]);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = vf_fma(x, columns[v], sums[r][v]);
  }
}

/// `rows` x `vectors` elements of C from row i and column j on; both counts are constants where this is
/// inlined.
CASTLE_INLINE void tile(
    const castle_product *product, const int has_bands[2], ptrdiff_t i, ptrdiff_t j, const int rows,
    const int vectors) {
  vf sums[CASTLE_TILE_ROWS][CASTLE_TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = (vf){0};

  for (int32_t t = 0; t < product->term_count; t++) {
    const castle_term *term = &product->terms[t];
    const ptrdiff_t a_row = term->a_row, a_column = term->a_column, b_row = term->b_row;
    const float *a = term->a + i * a_row, *b = term->b + j;
    if (!has_bands[t]) {
      for (ptrdiff_t k = 0; k < term->k; k++, a += a_column, b += b_row)
        tile_step(a, a_row, b, 0, rows, vectors, sums);
      continue;
    }
    const ptrdiff_t edge = term->a_band.end + i, below = j + vectors * CASTLE_LANES - term->b_band.begin;
    const ptrdiff_t end = least(least(term->k, edge + rows - 1), below);
    ptrdiff_t k = most(most(0, term->a_band.begin + i), j + 1 - term->b_band.end);
    a += k * a_column;
    b += k * b_row;
    for (; k < least(end, edge); k++, a += a_column, b += b_row)
      tile_step(a, a_row, b, 0, rows, vectors, sums);
    // On the edge of a triangle only the rows that reach so far read B: zero times NaN would be NaN.
#pragma clang loop unroll(full)
    for (int first = 1; first < rows; first++)
      if (k < end && k - edge < first) {
        tile_step(a, a_row, b, first, rows, vectors, sums);
        k++, a += a_column, b += b_row;
      }
  }

  float *c = product->c + i * product->c_row + j;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      float *place = c + r * product->c_row + v * CASTLE_LANES;
      switch (product->update) {
        case CASTLE_STORE: vf_store(place, sums[r][v]); break;
        case CASTLE_ADD: vf_store(place, vf_load(place) + sums[r][v]); break;
        case CASTLE_SUBTRACT: vf_store(place, vf_load(place) - sums[r][v]); break;
      }
    }
}

CASTLE_INLINE void tile_of_rows(
    const castle_product *product, const int has_bands[2], ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows,
    const int vectors) {
  switch (rows) {
    case 1: tile(product, has_bands, i, j, 1, vectors); break;
    case 2: tile(product, has_bands, i, j, 2, vectors); break;
    case 3: tile(product, has_bands, i, j, 3, vectors); break;
    case 4: tile(product, has_bands, i, j, 4, vectors); break;
    case 5: tile(product, has_bands, i, j, 5, vectors); break;
    default: tile(product, has_bands, i, j, 6, vectors); break;
  }
}

/// Whether a band leaves out something of a matrix.
CASTLE_INLINE int cuts(castle_band band, ptrdiff_t rows, ptrdiff_t columns) {
  return band.begin + rows > 1 || band.end < columns;
}

/// Whether every term's B is zero somewhere.
CASTLE_INLINE int skips_columns(const castle_product *product) {
  for (int32_t t = 0; t < product->term_count; t++)
    if (!cuts(product->terms[t].b_band, product->terms[t].k, product->n)) return 0;
  return 1;
}

static void CASTLE_NAME(product)(const castle_product *product) {
  // Where B is a triangle, narrow strips leave out more of what is zero.
  const ptrdiff_t strip =
      (skips_columns(product) ? CASTLE_NARROW_VECTORS : CASTLE_TILE_VECTORS) * CASTLE_LANES;
  const castle_band band = product->c_band;
  // The bounds of a tile take as long as four columns of A; most operands have none.
  int has_bands[2] = {0, 0};
  for (int32_t t = 0; t < product->term_count; t++) {
    const castle_term *term = &product->terms[t];
    has_bands[t] = cuts(term->a_band, product->m, term->k) || cuts(term->b_band, term->k, product->n);
  }
  for (ptrdiff_t j = 0; j < product->n; j += strip) {
    // Rows above this need nothing from column j on, rows from `below` on nothing before the next strip.
    const ptrdiff_t above = most(0, j + 1 - band.end);
    const ptrdiff_t below = least(product->m, j + strip - band.begin);
    for (ptrdiff_t i = above - above % CASTLE_TILE_ROWS; i < below; i += CASTLE_TILE_ROWS) {
      const ptrdiff_t rows = least(CASTLE_TILE_ROWS, product->m - i);
      const ptrdiff_t first = most(j, (band.begin + i) & -CASTLE_LANES);
      const ptrdiff_t columns = least(least(product->n, j + strip), band.end + i + rows - 1) - first;
      switch ((columns + CASTLE_LANES - 1) / CASTLE_LANES) {
        case 1: tile_of_rows(product, has_bands, i, first, rows, 1); break;
        case 2: tile_of_rows(product, has_bands, i, first, rows, 2); break;
#if CASTLE_TILE_VECTORS == 4
        case 3: tile_of_rows(product, has_bands, i, first, rows, 3); break;
        case 4: tile_of_rows(product, has_bands, i, first, rows, 4); break;
#endif
        default: break;
      }
    }
  }
}
