// Checks the kernels of every instruction set that this processor has: each result lies within the errors of
// rounding of the same formula in double precision, and over a whole function they are at most twice as far
// off as those of the portable kernels, as a root mean square in units of these bounds.
//
//   check-kernels [neon|avx2|avx512]...  fails if one of these is not available
#include <stdio.h>
#include <string.h>

#include "checking.h"

static const struct {
  castle_isa isa;
  const char *name;
} sets[] = {
    {CASTLE_ISA_PORTABLE, "portable"},
    {CASTLE_ISA_NEON, "neon"},
    {CASTLE_ISA_AVX2, "avx2"},
    {CASTLE_ISA_AVX512, "avx512"},
};

/// Every run with the same lanes has the same inputs.
static void run(report *report, castle_isa isa, const char *name, ptrdiff_t lanes) {
  report_begin(report, name);
  random_begin(1);
  check_products(castle_attention_kernels_for(isa), lanes);
  check_scores(castle_attention_kernels_for(isa), lanes);
  check_decoding(castle_attention_kernels_for(isa));
  check_row_kernels(castle_row_kernels_for(isa));
  check_weight_kernels(castle_weight_kernels_for(isa));
  check_weight_kernels(castle_weight_kernels_baseline_for(isa));
}

static double root_mean_square(const tally *tally) {
  return tally->inexact ? sqrt(tally->squares / (double)tally->inexact) : 0;
}

/// Prints a line for each function; the result is the number of failures.
static long failures(const report *report, const struct report *portable) {
  long failures = 0;
  for (ptrdiff_t f = 0; f < report->count; f++) {
    const tally *tally = &report->tallies[f];
    const double error = root_mean_square(tally), allowed = 2 * root_mean_square(&portable->tallies[f]);
    printf(
        "%-8s  %-17s %8ld values, at most %.3f of the bound, root mean square %.4f (portable: %.4f)",
        report->isa, tally->function, tally->values, tally->largest, error, allowed / 2);
    const int is_far = error > allowed;
    if (tally->failures) printf(", %ld wrong", tally->failures);
    if (is_far) printf(", too far off");
    printf("\n");
    failures += tally->failures + is_far;
  }
  return failures;
}

int main(int count, char **names) {
  setvbuf(stdout, 0, _IOLBF, 0);
  for (int i = 1; i < count; i++) {
    int available = 0;
    for (ptrdiff_t s = 0; s < COUNT_OF(sets); s++)
      available |= !strcmp(names[i], sets[s].name) && castle_isa_is_available(sets[s].isa);
    if (!available) {
      printf("%s: not available\n", names[i]);
      return 1;
    }
  }
  long wrong = 0;
  static report portable, report;
  for (ptrdiff_t s = 0; s < COUNT_OF(sets); s++) {
    if (!castle_isa_is_available(sets[s].isa)) continue;
    const ptrdiff_t lanes = castle_attention_kernels_for(sets[s].isa)->lanes;
    run(&portable, CASTLE_ISA_PORTABLE, "portable", lanes);
    run(&report, sets[s].isa, sets[s].name, lanes);
    wrong += failures(&report, &portable);
  }
  if (wrong) printf("%ld failures\n", wrong);
  return wrong != 0;
}
