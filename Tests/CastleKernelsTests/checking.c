#include "checking.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static report *current;
static tally *function;
static char description[200];

static uint64_t state;

void random_begin(uint64_t seed) { state = seed; }

/// SplitMix64.
static uint64_t next(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

ptrdiff_t random_whole(ptrdiff_t low, ptrdiff_t high) {
  return low + (ptrdiff_t)(next() % (uint64_t)(high - low + 1));
}

double random_uniform(void) { return (double)(int64_t)next() * 0x1p-63; }

enum { PLACES = 32, PLACE_BYTES = 1 << 18, MARGIN = 16 };

/// A NaN that no arithmetic makes.
static const uint32_t pattern = 0x7fc5ca57;

static char *places;
static ptrdiff_t taken;

void matrices_clear(void) { taken = 0; }

static void fill(float *from, const float *to) {
  for (; from < to; from++) memcpy(from, &pattern, sizeof pattern);
}

static void stray_access(int signal) {
  printf("%s %s, %s: touches memory after a matrix\n", current->isa, function->function, description);
  fflush(stdout);
  _exit(signal);
}

static void make_places(size_t page) {
  signal(SIGSEGV, stray_access);
  signal(SIGBUS, stray_access);
  places = mmap(0, PLACES * (PLACE_BYTES + page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (places == MAP_FAILED) abort();
  for (int i = 0; i < PLACES; i++)
    if (mprotect(places + i * (PLACE_BYTES + page) + PLACE_BYTES, page, PROT_NONE)) abort();
}

matrix matrix_make(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t gap) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (!places) make_places(page);
  const ptrdiff_t stride = columns + gap, count = rows > 0 ? (rows - 1) * stride + columns : 0;
  if (taken == PLACES || (count + MARGIN) * (ptrdiff_t)sizeof(float) > PLACE_BYTES) abort();
  float *end = (float *)(places + taken++ * (ptrdiff_t)(PLACE_BYTES + page) + PLACE_BYTES);
  fill(end - count - MARGIN, end);
  return (matrix){end - count, rows, columns, stride};
}

matrix matrix_random(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t gap, double magnitude) {
  const matrix x = matrix_make(rows, columns, gap);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j++) {
      const ptrdiff_t kind = random_whole(0, 31);
      matrix_row(x, i)[j] = (float)(random_uniform() * (kind == 0 ? 0 : kind == 1 ? 1e-40 : magnitude));
    }
  return x;
}

matrix matrix_copy(matrix source, ptrdiff_t gap) {
  const matrix x = matrix_make(source.rows, source.columns, gap);
  for (ptrdiff_t i = 0; i < x.rows; i++)
    memcpy(matrix_row(x, i), matrix_row(source, i), (size_t)x.columns * sizeof(float));
  return x;
}

void matrix_spoil(matrix x) {
  matrix_row(x, random_whole(0, x.rows - 1))[random_whole(0, x.columns - 1)] = NAN;
}

void report_begin(report *report, const char *isa) {
  memset(report, 0, sizeof *report);
  report->isa = isa;
  current = report;
}

void case_begin(const char *name, const char *format, ...) {
  function = current->tallies;
  while (function < current->tallies + current->count && strcmp(function->function, name)) function++;
  if (function == current->tallies + current->count) {
    if (current->count++ == COUNT_OF(current->tallies)) abort();
    function->function = name;
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(description, sizeof description, format, arguments);
  va_end(arguments);
}

/// Whether to print one more failure, which is counted.
static int fails(void) {
  enum { PRINTED = 5 };
  if (function->failures++ >= PRINTED) return 0;
  printf("%s %s, %s: ", current->isa, function->function, description);
  return 1;
}

void expect(double result, bounded expected, const char *name, ptrdiff_t i, ptrdiff_t j) {
  const double distance = fabs(result - expected.value);
  function->values++;
  if (isnan(expected.value) ? !isnan(result) : !(distance <= expected.error)) {
    if (fails())
      printf("%s[%td, %td] is %.9g, not %.9g +- %.2g\n", name, i, j, result, expected.value, expected.error);
  } else if (!isnan(expected.value) && expected.error > 0) {
    const double share = distance / expected.error;
    function->inexact++;
    function->largest = fmax(function->largest, share);
    function->squares += share * share;
  }
}

void expect_between(double result, double low, double high, const char *name, ptrdiff_t i) {
  function->values++;
  if (!(low <= result && result <= high) && fails())
    printf("%s[%td] is %.9g, not from %.9g to %.9g\n", name, i, result, low, high);
}

static int is_pattern(const float *from, const float *to) {
  for (; from < to; from++)
    if (memcmp(from, &pattern, sizeof pattern)) return 0;
  return 1;
}

void expect_gaps(matrix x, const char *name) {
  int untouched = is_pattern(x.at - MARGIN, x.at);
  for (ptrdiff_t i = 0; i + 1 < x.rows; i++)
    untouched &= is_pattern(matrix_row(x, i) + x.columns, matrix_row(x, i + 1));
  if (!untouched && fails()) printf("writes outside of %s\n", name);
}

void expect_same(matrix x, matrix before, const char *name) {
  for (ptrdiff_t i = 0; i < x.rows; i++)
    if (memcmp(matrix_row(x, i), matrix_row(before, i), (size_t)x.columns * sizeof(float))) {
      if (fails()) printf("row %td of %s has changed\n", i, name);
      return;
    }
}
