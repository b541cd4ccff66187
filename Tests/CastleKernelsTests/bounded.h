// Numbers in double precision, each with a bound on how far a computation in single precision may be from it.
//
// Every operation adds the error of one rounding, also where a kernel leaves it out (as a fused
// multiplication does).
#pragma once

#include <math.h>
#include <stddef.h>

typedef struct bounded {
  double value;
  double error;
} bounded;

/// The largest relative error of one rounding, and the largest absolute one among the numbers below 2^-126.
#define ROUNDING 0x1p-24
#define SMALLEST_ROUNDING 0x1p-150

/// Below this, or a little more, exponentials are 0 and sigmoids stay what they are.
#define SMALLEST_EXPONENTIAL 0x1p-125

static inline bounded b_exact(double value) { return (bounded){value, 0}; }

/// x after `count` more roundings.
static inline bounded b_rounded(bounded x, double count) {
  const double part = count * ROUNDING / (1 - count * ROUNDING);
  return (bounded){x.value, x.error + (fabs(x.value) + x.error) * part + count * SMALLEST_ROUNDING};
}

/// A constant of the kernels, rounded once.
static inline bounded b_constant(double value) { return b_rounded(b_exact(value), 1); }

static inline bounded b_negative(bounded x) { return (bounded){-x.value, x.error}; }

static inline bounded b_add(bounded x, bounded y) {
  return b_rounded((bounded){x.value + y.value, x.error + y.error}, 1);
}

static inline bounded b_subtract(bounded x, bounded y) { return b_add(x, b_negative(y)); }

static inline bounded b_multiply(bounded x, bounded y) {
  const double error = fabs(x.value) * y.error + x.error * fabs(y.value) + x.error * y.error;
  return b_rounded((bounded){x.value * y.value, error}, 1);
}

static inline bounded b_divide(bounded x, bounded y) {
  const double value = x.value / y.value;
  return b_rounded((bounded){value, (x.error + fabs(value) * y.error) / (fabs(y.value) - y.error)}, 1);
}

static inline bounded b_square_root(bounded x) {
  const double value = sqrt(x.value);
  return b_rounded((bounded){value, value - sqrt(fmax(0, x.value - x.error))}, 1);
}

/// A sum in any order.
typedef struct sum {
  bounded total;
  double magnitude;
  ptrdiff_t count;
} sum;

static inline void sum_add(sum *s, bounded term) {
  s->total.value += term.value;
  s->total.error += term.error;
  s->magnitude += fabs(term.value);
  s->count++;
}

/// The sum; `extra` are the roundings of a term beyond those of the additions and those that its own error
/// counts.
static inline bounded sum_total(const sum *s, ptrdiff_t extra) {
  const double count = (double)(s->count + extra), part = count * ROUNDING / (1 - count * ROUNDING);
  const double error = s->total.error + (s->magnitude + s->total.error) * part + count * SMALLEST_ROUNDING;
  return (bounded){s->total.value, error};
}

/// 2^y, to the 1.3 units in the last place that exponentials.h promises.
static inline bounded b_exp2(bounded y) {
  const double value = exp2(y.value), unit = 2 * ROUNDING;
  return (bounded){value, value * (exp2(y.error) * (1 + 1.3 * unit) - 1) + SMALLEST_EXPONENTIAL};
}

/// x in units of ln 2: a product with a constant.
static inline bounded b_in_powers_of_two(bounded x) { return b_multiply(x, b_constant(M_LOG2E)); }

static inline bounded b_exp(bounded x) { return b_exp2(b_in_powers_of_two(x)); }

/// 1 / (1 + 2^-y).
static inline bounded b_sigmoid2(bounded y) {
  // Further out, the result in double precision does not change by what matters here.
  if (y.value > 300) y.value = 300;
  if (y.value < -300) y.value = -300;
  const bounded power = b_exp2(b_negative(y));
  const double value = 1 / (1 + power.value);
  // 1 plus so little is 1.
  if (power.value + power.error < ROUNDING) return (bounded){value, 1 - value};
  const double error = 1 / (1 + fmax(0, power.value - power.error)) - value + SMALLEST_EXPONENTIAL;
  return b_rounded((bounded){value, error}, 2);
}

static inline bounded b_sigmoid(bounded x) { return b_sigmoid2(b_in_powers_of_two(x)); }

/// The C library's logarithm may be off by one unit in the last place.
static inline bounded b_logarithm(bounded x) {
  return b_rounded((bounded){log(x.value), x.error / (x.value - x.error)}, 2);
}
