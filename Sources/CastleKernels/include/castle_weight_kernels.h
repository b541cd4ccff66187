// The vector loops of products with weights, y = x Wᵀ, for the few rows of x that decoding has: one pass over
// the weights, which are the bytes that decoding waits for.
//
// The sum of an element of y is taken in an order that depends on the columns of W alone: not on how many
// rows x has, nor on which other outputs are computed. So a row's result has the same bits alone and among
// others.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "castle_isa.h"

/// Outputs of a panel, and inputs of a group: the blocks that low-precision weights are laid out in.
enum { CASTLE_PANEL_OUTPUTS = 16, CASTLE_GROUP_INPUTS = 32 };

/// Bytes of one panel's weights for one group of inputs.
enum {
  CASTLE_INT8_BLOCK = CASTLE_PANEL_OUTPUTS * CASTLE_GROUP_INPUTS,
  CASTLE_INT4_BLOCK = CASTLE_PANEL_OUTPUTS * CASTLE_GROUP_INPUTS / 2,
};

/// 32 adjacent inputs in 8 bits: x is about scale * values. A group with NaN or infinity has the scale NaN.
typedef struct castle_quantized_group {
  float scale;
  /// -128 and -8 times the sum of the values: weights are stored with 128 and 8 added, which products take
  /// off.
  int32_t less128;
  int32_t less8;
  /// From -127 to 127.
  int8_t values[CASTLE_GROUP_INPUTS];
} castle_quantized_group;

/// Panels of low-precision weights of one group after another. Weights beyond the last output or input are 0.
///
/// 8 bits: byte 64 q + 4 o + j of a block is 128 + the weight of the panel's output o and the group's input 4
/// q + j. 4 bits: byte 64 q + 4 o + j of a block has 8 + the weight of input 4 q + j in its low half, 8 +
/// that of input 4 (q + 4) + j in its high half. A weight is its number times the scale of its output and
/// group, which is a bfloat16: `scales` has 16 for each block.
typedef struct castle_quantized_panels {
  const uint8_t *blocks;
  const uint16_t *scales;
  ptrdiff_t groups;
} castle_quantized_panels;

/// The loops for one instruction set.
typedef struct castle_weight_kernels {
  /// y[r][o] <- row r of x . row o of W, in single precision.
  void (*float32)(
      ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, ptrdiff_t rows, const float *x,
      ptrdiff_t x_row, float *y, ptrdiff_t y_row);

  /// The same with W in bfloat16 and x as `split` wrote it.
  void (*bfloat16)(
      ptrdiff_t outputs, ptrdiff_t columns, const uint16_t *w, ptrdiff_t w_row, ptrdiff_t rows,
      const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row);

  /// The multiple of which `split` fills a row up to.
  ptrdiff_t split_multiple;

  /// One row of x in the order in which `bfloat16` reads it, filled up with zeros.
  void (*split)(ptrdiff_t columns, const float *x, float *target);

  /// One row of x in 8 bits, rounded to nearest, filled up with zeros to whole groups.
  void (*quantize)(ptrdiff_t columns, const float *x, castle_quantized_group *target);

  /// y[r][o] for the first `outputs` of the panels, with weights in 8 bits; `x_row` counts groups.
  void (*int8)(
      ptrdiff_t outputs, castle_quantized_panels panels, ptrdiff_t rows, const castle_quantized_group *x,
      ptrdiff_t x_row, float *y, ptrdiff_t y_row);

  /// The same with weights in 4 bits.
  void (*int4)(
      ptrdiff_t outputs, castle_quantized_panels panels, ptrdiff_t rows, const castle_quantized_group *x,
      ptrdiff_t x_row, float *y, ptrdiff_t y_row);

  /// The first `outputs` rows of W, up to a panel, rounded to nearest in 8 bits. A scale is the least whose
  /// 127 reaches the largest of a group; it is NaN for a group with NaN or infinity. All sets give the same
  /// bytes.
  void (*pack_int8)(
      ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, uint8_t *blocks,
      uint16_t *scales);

  /// The same in 4 bits, from -8 to 7. A scale may be negative; it is the one of 26 around (largest / -8)
  /// with the least sum of squared errors.
  void (*pack_int4)(
      ptrdiff_t outputs, ptrdiff_t columns, const float *w, ptrdiff_t w_row, uint8_t *blocks,
      uint16_t *scales);

  /// target <- the weights that bfloat16 numbers stand for.
  void (*widen)(ptrdiff_t count, const uint16_t *w, float *target);

  /// target <- w in bfloat16, rounded to nearest, ties to even.
  void (*narrow)(ptrdiff_t count, const float *w, uint16_t *target);

  /// The sum of all words, as fast as memory can be read.
  uint64_t (*read)(ptrdiff_t count, const uint64_t *words);
} castle_weight_kernels;

/// The loops for `isa`, or null if castle_isa_is_available says no. Those for AVX-512 use its VNNI
/// instructions where the processor has them.
const castle_weight_kernels *castle_weight_kernels_for(castle_isa isa);

/// The loops for `isa` without what only some of its processors have.
const castle_weight_kernels *castle_weight_kernels_baseline_for(castle_isa isa);
