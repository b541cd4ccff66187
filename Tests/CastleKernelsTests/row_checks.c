// Checks of what works row by row.
#include "checking.h"

static const ptrdiff_t widths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 200};
static const double magnitudes[] = {1e-3, 1, 50, 1e4};

/// Random numbers, in every eighth matrix a NaN.
static matrix some(ptrdiff_t rows, ptrdiff_t columns, double magnitude) {
  const matrix x = matrix_random(rows, columns, random_whole(0, 5), magnitude);
  if (random_whole(0, 7) == 0) matrix_spoil(x);
  return x;
}

static void check_add(const castle_row_kernels *kernels, ptrdiff_t count) {
  const matrix x = some(1, count, ONE_OF(magnitudes)), y = some(1, count, ONE_OF(magnitudes));
  const matrix before = matrix_copy(y, 0);
  case_begin("add", "%td", count);
  kernels->add(count, x.at, y.at);
  for (ptrdiff_t j = 0; j < count; j++)
    expect(y.at[j], b_exact((float)(x.at[j] + before.at[j])), "y", 0, j);
  expect_gaps(y, "y");
}

static void check_sum_of_squares(const castle_row_kernels *kernels, ptrdiff_t count) {
  const matrix x = some(1, count, ONE_OF(magnitudes));
  double sum = 0;
  for (ptrdiff_t j = 0; j < count; j++) sum += (double)x.at[j] * x.at[j];
  case_begin("sum_of_squares", "%td", count);
  // The squares are exact in double precision, the sums here and there are not.
  expect(
      kernels->sum_of_squares(count, x.at), (bounded){sum, 2 * (double)count * 0x1p-53 * sum}, "sum", 0, 0);
}

static void check_rms_norm(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  const int has_residual = (int)random_whole(0, 1);
  const float epsilon = 1e-5f;
  const matrix x = some(rows, columns, ONE_OF(magnitudes)),
               residual = some(rows, columns, ONE_OF(magnitudes));
  const matrix weight = some(1, columns, 2), before = matrix_copy(x, 0);
  const matrix y = matrix_make(rows, columns, random_whole(0, 5)), scales = matrix_make(1, rows, 0);
  case_begin("rms_norm", "%td x %td, residual %d", rows, columns, has_residual);
  kernels->rms_norm(
      rows, columns, x.at, x.stride, has_residual ? residual.at : 0, residual.stride, weight.at, epsilon,
      y.at, y.stride, scales.at);
  for (ptrdiff_t i = 0; i < rows; i++) {
    sum squares = {0};
    for (ptrdiff_t j = 0; j < columns; j++) {
      const float sum = matrix_row(before, i)[j] + (has_residual ? matrix_row(residual, i)[j] : 0);
      expect(matrix_row(x, i)[j], b_exact(sum), "x", i, j);
      sum_add(&squares, b_exact((double)sum * sum));
    }
    const bounded mean = b_divide(sum_total(&squares, 1), b_exact((double)columns));
    const bounded scale = b_divide(b_exact(1), b_square_root(b_add(mean, b_exact(epsilon))));
    expect(scales.at[i], scale, "scales", 0, i);
    for (ptrdiff_t j = 0; j < columns; j++)
      expect(
          matrix_row(y, i)[j], b_multiply(b_multiply(matrix_exact(x, i, j), scale), b_exact(weight.at[j])),
          "y", i, j);
  }
  expect_gaps(x, "x");
  expect_gaps(y, "y");
  expect_gaps(scales, "scales");
}

static void check_rms_norm_backward(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  const matrix dy = some(rows, columns, ONE_OF(magnitudes)), x = some(rows, columns, ONE_OF(magnitudes));
  const matrix weight = some(1, columns, 2), scales = some(1, rows, 2);
  const matrix dx = some(rows, columns, ONE_OF(magnitudes)), d_weight = some(1, columns, ONE_OF(magnitudes));
  const matrix dx_before = matrix_copy(dx, 0), d_weight_before = matrix_copy(d_weight, 0);
  case_begin("rms_norm_backward", "%td x %td", rows, columns);
  kernels->rms_norm_backward(
      rows, columns, dy.at, dy.stride, x.at, x.stride, weight.at, scales.at, dx.at, dx.stride, d_weight.at);
  for (ptrdiff_t i = 0; i < rows; i++) {
    const bounded scale = b_exact(scales.at[i]);
    sum sum = {0};
    for (ptrdiff_t j = 0; j < columns; j++) {
      const bounded product = b_multiply(matrix_exact(dy, i, j), matrix_exact(x, i, j));
      sum_add(&sum, b_multiply(product, b_exact(weight.at[j])));
    }
    const bounded along =
        b_divide(b_multiply(b_multiply(sum_total(&sum, 1), scale), scale), b_exact((double)columns));
    for (ptrdiff_t j = 0; j < columns; j++) {
      const bounded across = b_multiply(matrix_exact(dy, i, j), b_exact(weight.at[j]));
      const bounded d = b_multiply(b_subtract(across, b_multiply(matrix_exact(x, i, j), along)), scale);
      expect(matrix_row(dx, i)[j], b_add(matrix_exact(dx_before, i, j), d), "dx", i, j);
    }
  }
  for (ptrdiff_t j = 0; j < columns; j++) {
    bounded d = b_exact(d_weight_before.at[j]);
    for (ptrdiff_t i = 0; i < rows; i++) {
      const bounded product = b_multiply(matrix_exact(dy, i, j), matrix_exact(x, i, j));
      d = b_add(d, b_multiply(product, b_exact(scales.at[i])));
    }
    expect(d_weight.at[j], d, "d_weight", 0, j);
  }
  expect_gaps(dx, "dx");
  expect_gaps(d_weight, "d_weight");
}

static void check_rotate(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t half) {
  enum { POSITIONS = 5 };
  const ptrdiff_t heads = random_whole(1, 3);
  const double sign = random_whole(0, 1) ? 1 : -1;
  const matrix x = some(rows, heads * 2 * half, ONE_OF(magnitudes)), before = matrix_copy(x, 0);
  const matrix table = matrix_random(POSITIONS, 2 * half, random_whole(0, 3), 1);
  int32_t positions[8];
  for (ptrdiff_t i = 0; i < rows; i++) positions[i] = (int32_t)random_whole(0, POSITIONS - 1);
  case_begin("rotate", "%td rows, %td heads, half %td", rows, heads, half);
  kernels->rotate(rows, heads, half, x.at, x.stride, positions, table.at, table.stride, (float)sign);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < half; j++) {
      const bounded cosine = matrix_exact(table, positions[i], j);
      const bounded sine = b_exact(sign * matrix_row(table, positions[i])[half + j]);
      for (ptrdiff_t head = 0; head < heads; head++) {
        const ptrdiff_t low = head * 2 * half + j, high = low + half;
        const bounded a = matrix_exact(before, i, low), b = matrix_exact(before, i, high);
        expect(matrix_row(x, i)[low], b_subtract(b_multiply(a, cosine), b_multiply(b, sine)), "x", i, low);
        expect(matrix_row(x, i)[high], b_add(b_multiply(b, cosine), b_multiply(a, sine)), "x", i, high);
      }
    }
  expect_gaps(x, "x");
}

static void check_swiglu(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  const matrix gate_up = some(rows, 2 * columns, ONE_OF(magnitudes));
  const matrix y = matrix_make(rows, columns, random_whole(0, 5));
  case_begin("swiglu", "%td x %td", rows, columns);
  kernels->swiglu(rows, columns, gate_up.at, gate_up.stride, y.at, y.stride);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j++) {
      const bounded gate = matrix_exact(gate_up, i, j), up = matrix_exact(gate_up, i, columns + j);
      expect(matrix_row(y, i)[j], b_multiply(b_multiply(gate, b_sigmoid(gate)), up), "y", i, j);
    }
  expect_gaps(y, "y");
}

static void check_swiglu_backward(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  const int in_place = (int)random_whole(0, 1);
  const matrix dy = some(rows, columns, ONE_OF(magnitudes)),
               gate_up = some(rows, 2 * columns, ONE_OF(magnitudes));
  const matrix before = matrix_copy(gate_up, 0);
  const matrix d = in_place ? gate_up : matrix_make(rows, 2 * columns, random_whole(0, 5));
  case_begin("swiglu_backward", "%td x %td, in place %d", rows, columns, in_place);
  kernels->swiglu_backward(rows, columns, dy.at, dy.stride, gate_up.at, gate_up.stride, d.at, d.stride);
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j++) {
      const bounded gate = matrix_exact(before, i, j), up = matrix_exact(before, i, columns + j);
      const bounded upstream = matrix_exact(dy, i, j), s = b_sigmoid(gate), one = b_exact(1);
      const bounded bend = b_add(one, b_multiply(gate, b_subtract(one, s)));
      expect(matrix_row(d, i)[j], b_multiply(b_multiply(b_multiply(upstream, up), s), bend), "d gate", i, j);
      expect(matrix_row(d, i)[columns + j], b_multiply(b_multiply(upstream, gate), s), "d up", i, j);
    }
  expect_gaps(d, "d");
}

static void check_cross_entropy(const castle_row_kernels *kernels, ptrdiff_t rows, ptrdiff_t columns) {
  const int has_gradient = (int)random_whole(0, 1);
  const float scale = 0.125f;
  const matrix logits = some(rows, columns, ONE_OF(magnitudes)), before = matrix_copy(logits, 0);
  const matrix losses = matrix_make(1, rows, 0);
  int32_t targets[8];
  for (ptrdiff_t i = 0; i < rows; i++) targets[i] = (int32_t)random_whole(-1, columns - 1);
  case_begin("cross_entropy", "%td x %td, gradient %d", rows, columns, has_gradient);
  kernels->cross_entropy(
      rows, columns, logits.at, logits.stride, targets, has_gradient, scale, losses.at);
  for (ptrdiff_t i = 0; i < rows; i++) {
    double largest = -INFINITY;
    sum sum = {0};
    for (ptrdiff_t j = 0; j < columns; j++) largest = fmax(largest, matrix_row(before, i)[j]);
    bounded powers[200];
    for (ptrdiff_t j = 0; j < columns; j++) {
      powers[j] = b_exp(b_subtract(matrix_exact(before, i, j), b_exact(largest)));
      sum_add(&sum, powers[j]);
    }
    const bounded all = sum_total(&sum, 0);
    if (targets[i] < 0) {
      expect(losses.at[i], b_exact(0), "losses", 0, i);
    } else {
      const bounded below = b_subtract(b_exact(largest), matrix_exact(before, i, targets[i]));
      expect(losses.at[i], b_add(b_logarithm(all), below), "losses", 0, i);
    }
    for (ptrdiff_t j = 0; has_gradient && j < columns; j++) {
      bounded d = b_multiply(powers[j], b_divide(b_exact(scale), all));
      if (j == targets[i]) d = b_subtract(d, b_exact(scale));
      expect(matrix_row(logits, i)[j], targets[i] < 0 ? b_exact(0) : d, "gradient", i, j);
    }
  }
  if (!has_gradient) expect_same(logits, before, "logits");
  expect_gaps(logits, "logits");
  expect_gaps(losses, "losses");
}

static void check_adamw(const castle_row_kernels *kernels, ptrdiff_t count) {
  const castle_adamw step = {
      .beta1 = 0.9f,
      .beta2 = 0.95f,
      .epsilon = 1e-8f,
      .gradient_scale = (float)fabs(random_uniform()),
      .shrink = 1e-4f,
      .rate = 2e-3f,
      .second_correction = 7.5f,
  };
  const matrix weights = some(1, count, 1), gradients = some(1, count, ONE_OF(magnitudes));
  const matrix first = some(1, count, 0.1), second = some(1, count, 0.01);
  for (ptrdiff_t j = 0; j < count; j++) second.at[j] = fabsf(second.at[j]);
  const matrix weights_before = matrix_copy(weights, 0), first_before = matrix_copy(first, 0);
  const matrix second_before = matrix_copy(second, 0);
  case_begin("adamw", "%td", count);
  kernels->adamw(count, weights.at, gradients.at, first.at, second.at, &step);
  const bounded beta1 = b_exact(step.beta1), beta2 = b_exact(step.beta2), one = b_exact(1);
  for (ptrdiff_t j = 0; j < count; j++) {
    const bounded g = b_multiply(b_exact(gradients.at[j]), b_exact(step.gradient_scale));
    const bounded m =
        b_add(b_multiply(b_exact(first_before.at[j]), beta1), b_multiply(g, b_subtract(one, beta1)));
    const bounded v = b_add(
        b_multiply(b_exact(second_before.at[j]), beta2),
        b_multiply(b_multiply(g, g), b_subtract(one, beta2)));
    const bounded root =
        b_add(b_square_root(b_multiply(v, b_exact(step.second_correction))), b_exact(step.epsilon));
    const bounded before = b_exact(weights_before.at[j]);
    const bounded move =
        b_add(b_multiply(before, b_exact(step.shrink)), b_multiply(b_divide(m, root), b_exact(step.rate)));
    expect(first.at[j], m, "first", 0, j);
    expect(second.at[j], v, "second", 0, j);
    expect(weights.at[j], b_subtract(before, move), "weights", 0, j);
  }
  expect_gaps(weights, "weights");
  expect_gaps(first, "first");
  expect_gaps(second, "second");
}

void check_row_kernels(const castle_row_kernels *kernels) {
  static void (*const of_count[])(const castle_row_kernels *, ptrdiff_t) = {
      check_add, check_sum_of_squares, check_adamw};
  static void (*const of_rows[])(const castle_row_kernels *, ptrdiff_t, ptrdiff_t) = {
      check_rms_norm, check_rms_norm_backward, check_rotate, check_swiglu, check_swiglu_backward,
      check_cross_entropy};
  static const ptrdiff_t heights[] = {1, 2, 7};
  enum { REPETITIONS = 8 };
  for (ptrdiff_t w = 0; w < COUNT_OF(widths); w++)
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
      for (ptrdiff_t f = 0; f < COUNT_OF(of_count); f++) {
        matrices_clear();
        of_count[f](kernels, widths[w]);
      }
      for (ptrdiff_t f = 0; f < COUNT_OF(of_rows); f++) {
        matrices_clear();
        of_rows[f](kernels, ONE_OF(heights), widths[w]);
      }
    }
}
