// Copies and transposes of blocks of rows. Included after product_template.h.
#pragma once

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4)));

CASTLE_INLINE void transpose_square_4(
    const float *source, ptrdiff_t source_row, float *target, ptrdiff_t target_row) {
  const v4 a = *(const v4_unaligned *)source;
  const v4 b = *(const v4_unaligned *)(source + source_row);
  const v4 c = *(const v4_unaligned *)(source + 2 * source_row);
  const v4 d = *(const v4_unaligned *)(source + 3 * source_row);
  const v4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const v4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const v4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const v4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(v4_unaligned *)target = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(v4_unaligned *)(target + target_row) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(v4_unaligned *)(target + 2 * target_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(v4_unaligned *)(target + 3 * target_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if defined(CASTLE_AVX512) || defined(CASTLE_AVX2)
#if defined(CASTLE_AVX512)
#define CASTLE_MM(name) _mm512_##name##_ps
typedef __m512 mm;
#else
#define CASTLE_MM(name) _mm256_##name##_ps
typedef __m256 mm;
#endif

/// Transposes squares of 4 inside the quarters (AVX-512) or halves of registers: part q of columns[i + c] is
/// column 4 q + c of rows i to i + 3.
CASTLE_INLINE void transpose_parts(const float *source, ptrdiff_t source_row, mm columns[CASTLE_LANES]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < CASTLE_LANES; i += 4) {
    const mm a = CASTLE_MM(loadu)(source + i * source_row),
             b = CASTLE_MM(loadu)(source + (i + 1) * source_row);
    const mm c = CASTLE_MM(loadu)(source + (i + 2) * source_row),
             d = CASTLE_MM(loadu)(source + (i + 3) * source_row);
    const mm ab_low = CASTLE_MM(unpacklo)(a, b), ab_high = CASTLE_MM(unpackhi)(a, b);
    const mm cd_low = CASTLE_MM(unpacklo)(c, d), cd_high = CASTLE_MM(unpackhi)(c, d);
    columns[i] = CASTLE_MM(shuffle)(ab_low, cd_low, 0x44);
    columns[i + 1] = CASTLE_MM(shuffle)(ab_low, cd_low, 0xee);
    columns[i + 2] = CASTLE_MM(shuffle)(ab_high, cd_high, 0x44);
    columns[i + 3] = CASTLE_MM(shuffle)(ab_high, cd_high, 0xee);
  }
}
#endif

#if defined(CASTLE_AVX512)
CASTLE_INLINE void transpose_square_16(
    const float *source, ptrdiff_t source_row, float *target, ptrdiff_t target_row) {
  __m512 columns[16];
  transpose_parts(source, source_row, columns);
  // Then the quarters change places: even ones are columns c and 8 + c, odd ones 4 + c and 12 + c.
#pragma clang loop unroll(full)
  for (int c = 0; c < 4; c++) {
    const __m512 even_low = _mm512_shuffle_f32x4(columns[c], columns[4 + c], 0x88);
    const __m512 odd_low = _mm512_shuffle_f32x4(columns[c], columns[4 + c], 0xdd);
    const __m512 even_high = _mm512_shuffle_f32x4(columns[8 + c], columns[12 + c], 0x88);
    const __m512 odd_high = _mm512_shuffle_f32x4(columns[8 + c], columns[12 + c], 0xdd);
    _mm512_storeu_ps(target + c * target_row, _mm512_shuffle_f32x4(even_low, even_high, 0x88));
    _mm512_storeu_ps(target + (4 + c) * target_row, _mm512_shuffle_f32x4(odd_low, odd_high, 0x88));
    _mm512_storeu_ps(target + (8 + c) * target_row, _mm512_shuffle_f32x4(even_low, even_high, 0xdd));
    _mm512_storeu_ps(target + (12 + c) * target_row, _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd));
  }
}
#elif defined(CASTLE_AVX2)
CASTLE_INLINE void transpose_square_8(
    const float *source, ptrdiff_t source_row, float *target, ptrdiff_t target_row) {
  __m256 columns[8];
  transpose_parts(source, source_row, columns);
#pragma clang loop unroll(full)
  for (int c = 0; c < 4; c++) {
    _mm256_storeu_ps(target + c * target_row, _mm256_permute2f128_ps(columns[c], columns[4 + c], 0x20));
    _mm256_storeu_ps(target + (4 + c) * target_row, _mm256_permute2f128_ps(columns[c], columns[4 + c], 0x31));
  }
}
#endif

/// A part of at most 16 rows and columns.
CASTLE_INLINE void transpose_part(
    ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t source_row, float *target,
    ptrdiff_t target_row) {
#if defined(CASTLE_AVX512)
  if (rows == 16 && columns == 16) {
    transpose_square_16(source, source_row, target, target_row);
    return;
  }
#elif defined(CASTLE_AVX2)
  if (rows == 16 && columns == 16) {
    for (ptrdiff_t i = 0; i < 16; i += 8)
      for (ptrdiff_t j = 0; j < 16; j += 8)
        transpose_square_8(source + i * source_row + j, source_row, target + j * target_row + i, target_row);
    return;
  }
#endif
  const ptrdiff_t whole_rows = rows & ~(ptrdiff_t)3, whole_columns = columns & ~(ptrdiff_t)3;
  for (ptrdiff_t j = 0; j < columns; j++)
    for (ptrdiff_t i = j < whole_columns ? whole_rows : 0; i < rows; i++)
      target[j * target_row + i] = source[i * source_row + j];
  for (ptrdiff_t j = 0; j < whole_columns; j += 4)
    for (ptrdiff_t i = 0; i < whole_rows; i += 4)
      transpose_square_4(source + i * source_row + j, source_row, target + j * target_row + i, target_row);
}

enum { ROWS_AHEAD = 16 };

/// Fetches the rows from `first` on, as many as are read at a time. Inputs come from memory in rows far
/// apart, where each would be waited for.
CASTLE_INLINE void fetch_rows(
    ptrdiff_t first, ptrdiff_t rows, ptrdiff_t columns, const float *p, ptrdiff_t row) {
  for (ptrdiff_t r = first; r < least(first + ROWS_AHEAD, rows); r++)
    for (ptrdiff_t j = 0; j < columns; j += 16) __builtin_prefetch(p + r * row + j);
}

static void CASTLE_NAME(copy)(
    ptrdiff_t rows, ptrdiff_t columns, float factor, const float *source, ptrdiff_t source_row, float *target,
    ptrdiff_t target_row) {
  for (ptrdiff_t i = 0; i < rows; i++) {
    if (i % ROWS_AHEAD == 0) fetch_rows(i + ROWS_AHEAD, rows, columns, source, source_row);
    const float *from = source + i * source_row;
    float *to = target + i * target_row;
    for (ptrdiff_t j = 0; j < columns; j += CASTLE_LANES)
      vf_store(to + j, vf_load_first(from + j, (size_t)least(CASTLE_LANES, columns - j)) * factor);
  }
}

static void CASTLE_NAME(write)(
    ptrdiff_t rows, ptrdiff_t columns, float factor, const float *source, ptrdiff_t source_row, float *target,
    ptrdiff_t target_row) {
  enum { LINE = 16 };
  const int whole_lines =
      columns % LINE == 0 && target_row % LINE == 0 && (uintptr_t)target % (LINE * sizeof(float)) == 0;
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *from = source + i * source_row;
    float *to = target + i * target_row;
    for (ptrdiff_t j = 0; j < columns; j += CASTLE_LANES) {
      const size_t n = (size_t)least(CASTLE_LANES, columns - j);
      const vf x = vf_load_first(from + j, n) * factor;
      if (whole_lines)
        vf_store_past(to + j, x);
      else
        vf_store_first(to + j, x, n);
    }
  }
  stores_past_end();
}

static void CASTLE_NAME(transpose)(
    ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t source_row, float *target,
    ptrdiff_t target_row) {
  for (ptrdiff_t i = 0; i < rows; i += ROWS_AHEAD) {
    fetch_rows(i + ROWS_AHEAD, rows, columns, source, source_row);
    for (ptrdiff_t j = 0; j < columns; j += 16)
      transpose_part(
          least(ROWS_AHEAD, rows - i), least(16, columns - j), source + i * source_row + j, source_row,
          target + j * target_row + i, target_row);
  }
}
