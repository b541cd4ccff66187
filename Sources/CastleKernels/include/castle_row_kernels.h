// The vector loops of everything that works row by row: norms, rotary positions, SwiGLU, the loss, the
// optimizer.
//
// Matrices have adjacent columns; the argument after a matrix is the distance between its rows.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "castle_isa.h"

/// The numbers of an AdamW step, with the bias corrections worked out.
typedef struct castle_adamw {
  float beta1;
  float beta2;
  float epsilon;
  /// The factor of g before anything else.
  float gradient_scale;
  /// learning rate * weight decay.
  float shrink;
  /// learning rate / (1 - beta1^t).
  float rate;
  /// 1 / (1 - beta2^t).
  float second_correction;
} castle_adamw;

/// The loops for one instruction set.
typedef struct castle_row_kernels {
  /// y <- y + x.
  void (*add)(ptrdiff_t count, const float *x, float *y);

  /// The sum of x², in double precision.
  double (*sum_of_squares)(ptrdiff_t count, const float *x);

  /// x <- x + residual (if not null), then y <- x * scale * weight with scale = 1 / sqrt(mean(x²) + epsilon).
  void (*rms_norm)(
      ptrdiff_t rows, ptrdiff_t columns, float *x, ptrdiff_t x_row, const float *residual,
      ptrdiff_t residual_row, const float *weight, float epsilon, float *y, ptrdiff_t y_row, float *scales);

  /// dx <- dx + the gradient of x; d_weight <- d_weight + that of the weight.
  void (*rms_norm_backward)(
      ptrdiff_t rows, ptrdiff_t columns, const float *dy, ptrdiff_t dy_row, const float *x, ptrdiff_t x_row,
      const float *weight, const float *scales, float *dx, ptrdiff_t dx_row, float *d_weight);

  /// Turns the pairs (i, i + half) of every head by the angle whose cosines and sines (times `sign`) are in
  /// row positions[r] of `table`: `half` cosines, then `half` sines.
  void (*rotate)(
      ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t half, float *x, ptrdiff_t x_row, const int32_t *positions,
      const float *table, ptrdiff_t table_row, float sign);

  /// y <- silu(gate) * up; a row of gate_up is `columns` gates, then as many ups.
  void (*swiglu)(
      ptrdiff_t rows, ptrdiff_t columns, const float *gate_up, ptrdiff_t gate_up_row, float *y,
      ptrdiff_t y_row);

  /// d <- the gradient of gate_up, which d may be.
  void (*swiglu_backward)(
      ptrdiff_t rows, ptrdiff_t columns, const float *dy, ptrdiff_t dy_row, const float *gate_up,
      ptrdiff_t gate_up_row, float *d, ptrdiff_t d_row);

  /// losses <- -log softmax(logits)[target], 0 where the target is negative. If gradient is not 0, logits <-
  /// its gradient * scale.
  void (*cross_entropy)(
      ptrdiff_t rows, ptrdiff_t columns, float *logits, ptrdiff_t logits_row, const int32_t *targets,
      int32_t gradient, float scale, float *losses);

  void (*adamw)(ptrdiff_t count, float *weights, const float *gradients, float *first, float *second,
                const castle_adamw *step);
} castle_row_kernels;

/// The loops for `isa`, or null if castle_isa_is_available says no.
const castle_row_kernels *castle_row_kernels_for(castle_isa isa);
