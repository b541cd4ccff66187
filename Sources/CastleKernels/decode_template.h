// Attention of one token over a cache, panel by panel, at the pace of memory. Included after
// scores_template.h.
#pragma once

/// Vectors of a row of a panel, and the most of a row of values at a time.
enum { PANEL_VECTORS = CASTLE_PANEL_WIDTH / CASTLE_LANES };

/// How far ahead memory is asked for, in bytes.
enum { CACHE_AHEAD = 2048, CACHE_LINE = 64 };

/// Memory that is read from its begin to its end, and what is read then.
typedef struct stream {
  const char *begin;
  const char *next;
  ptrdiff_t size;
} stream;

/// Asks for `bytes` of memory, some way ahead of `place` bytes from the begin.
CASTLE_INLINE void stream_ask(const stream *stream, ptrdiff_t place, ptrdiff_t bytes) {
  const ptrdiff_t ahead = place + CACHE_AHEAD;
  const char *from = ahead < stream->size ? stream->begin + ahead : stream->next + (ahead - stream->size);
  for (ptrdiff_t line = 0; line < bytes; line += CACHE_LINE) __builtin_prefetch(from + line);
}

/// y <- x K for a row x of d numbers and K of d x panel width.
CASTLE_INLINE void panel_dots(ptrdiff_t d, const float *x, stream keys, float *y) {
  const float *row = (const float *)keys.begin;
  vf sums[PANEL_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < PANEL_VECTORS; v++) sums[v] = (vf){0};
  for (ptrdiff_t i = 0; i < d; i++, row += CASTLE_PANEL_WIDTH) {
    stream_ask(&keys, i * CASTLE_PANEL_WIDTH * 4, CASTLE_PANEL_WIDTH * 4);
    const vf factor = vf_set(x[i]);
#pragma clang loop unroll(full)
    for (int v = 0; v < PANEL_VECTORS; v++)
      sums[v] = vf_fma(factor, vf_load(row + v * CASTLE_LANES), sums[v]);
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < PANEL_VECTORS; v++) vf_store(y + v * CASTLE_LANES, sums[v]);
}

/// y <- x U + e gate, where U is what it was before the token, which is zero if it `begins`; then, if it
/// `moves`, U <- U + vu' gate.
CASTLE_INLINE void panel_lookahead(
    ptrdiff_t d, const float *x, stream keys, const int begins, const int moves, float e, const float *vu,
    const float *gate, float *y) {
  float *row = (float *)keys.begin;
  vf sums[PANEL_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < PANEL_VECTORS; v++) sums[v] = (vf){0};
  for (ptrdiff_t i = 0; i < d; i++, row += CASTLE_PANEL_WIDTH) {
    stream_ask(&keys, i * CASTLE_PANEL_WIDTH * 4, CASTLE_PANEL_WIDTH * 4);
    const vf factor = vf_set(x[i]), step = vf_set(moves ? vu[i] : 0);
#pragma clang loop unroll(full)
    for (int v = 0; v < PANEL_VECTORS; v++) {
      const vf u = vf_load(row + v * CASTLE_LANES);
      if (!begins) sums[v] = vf_fma(factor, u, sums[v]);
      if (moves)
        vf_store(row + v * CASTLE_LANES, u + vf_fma(step, vf_load(gate + v * CASTLE_LANES), (vf){0}));
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < PANEL_VECTORS; v++) {
    if (gate) sums[v] = vf_fma(vf_set(e), vf_load(gate + v * CASTLE_LANES), sums[v]);
    vf_store(y + v * CASTLE_LANES, sums[v]);
  }
}

/// y <- y + p V for `keys` rows of values, in the columns from `first` on.
CASTLE_INLINE void panel_values_of(
    const int vectors, ptrdiff_t first, ptrdiff_t keys, ptrdiff_t padded, const float *p, stream values,
    float *y) {
  vf sums[PANEL_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) sums[v] = (vf){0};
  for (ptrdiff_t k = 0; k < keys; k++) {
    if (first == 0) stream_ask(&values, k * padded * 4, padded * 4);
    const float *row = (const float *)values.begin + k * padded + first;
    const vf factor = vf_set(p[k]);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sums[v] = vf_fma(factor, vf_load(row + v * CASTLE_LANES), sums[v]);
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    float *place = y + first + v * CASTLE_LANES;
    vf_store(place, vf_load(place) + sums[v]);
  }
}

CASTLE_INLINE void panel_values(ptrdiff_t keys, ptrdiff_t padded, const float *p, stream values, float *y) {
  ptrdiff_t first = 0;
  for (; first + PANEL_VECTORS * CASTLE_LANES <= padded; first += PANEL_VECTORS * CASTLE_LANES)
    panel_values_of(PANEL_VECTORS, first, keys, padded, p, values, y);
  for (; first < padded; first += CASTLE_LANES) panel_values_of(1, first, keys, padded, p, values, y);
}

/// q . v^U, in the order of `product`.
CASTLE_INLINE float lookahead_weight(ptrdiff_t d, const float *query, const float *vu) {
  vf sum = {0};
  for (ptrdiff_t i = 0; i < d; i++) sum = vf_fma(vf_set(query[i]), vf_set(vu[i]), sum);
  return sum[0];
}

/// Adds one panel; `next` is read after it.
CASTLE_INLINE void decode_panel(
    const castle_decoding *token, const castle_cached_panel *panel, const float *next) {
  float gate[CASTLE_PANEL_WIDTH], causal[CASTLE_PANEL_WIDTH], lookahead[CASTLE_PANEL_WIDTH];
  const ptrdiff_t d = token->d, padded = token->padded, diagonal = token->token - panel->first;
  const castle_scores shape = {
      .rows = 1,
      .columns = least(CASTLE_PANEL_WIDTH, diagonal + 1),
      .diagonal = diagonal,
      .window = token->window,
      .silu = token->silu,
  };
  const int moves = panel->u && most(1, diagonal - (shape.columns - 1)) <= token->window;
  const ptrdiff_t bytes = d * CASTLE_PANEL_WIDTH * 4;
  const stream kc = {(const char *)panel->kc, (const char *)(panel->u ? panel->u : panel->vc), bytes};
  const stream u = {(const char *)panel->u, (const char *)panel->vc, bytes};
  const stream vc = {(const char *)panel->vc, (const char *)next, shape.columns * padded * 4};
  const ptrdiff_t hidden = most(0, least(shape.columns, diagonal + 1 - token->visible));
  if (hidden == shape.columns) return;
  if (moves) {
    const stream qu = {(const char *)panel->qu, (const char *)panel->kc, bytes};
    panel_dots(d, token->ku, qu, gate);
    CASTLE_NAME(gate)(&shape, gate);
  }
  for (ptrdiff_t head = 0; head < token->heads; head++) {
    const float *query = token->queries + head * padded;
    float *output = token->output + head * padded;
    if (token->uses_causal_keys)
      panel_dots(d, query, kc, causal);
    else
      memset(causal, 0, sizeof causal);
    for (ptrdiff_t j = 0; j < hidden; j++) causal[j] = -__builtin_inff();
    if (panel->u) {
      // The last head moves the keys, which all heads read as they were.
      const int is_last = head == token->heads - 1;
      if (!moves)
        panel_lookahead(d, query, u, 0, 0, 0, 0, 0, lookahead);
      else if (!is_last)
        panel_lookahead(d, query, u, 0, 0, token->weights[head], 0, gate, lookahead);
      else if (diagonal == 0)
        panel_lookahead(d, query, u, 1, 1, token->weights[head], token->vu, gate, lookahead);
      else
        panel_lookahead(d, query, u, 0, 1, token->weights[head], token->vu, gate, lookahead);
    }
    CASTLE_NAME(softmax)(
        &shape, causal, panel->u ? lookahead : 0, token->references + head, token->sums + head, output,
        padded, padded);
    panel_values(shape.columns, padded, causal, vc, output);
  }
}

static void CASTLE_NAME(decode)(const castle_decoding *token) {
  if (token->weights)
    for (ptrdiff_t head = 0; head < token->heads; head++)
      token->weights[head] = lookahead_weight(token->d, token->queries + head * token->padded, token->vu);
  for (ptrdiff_t index = 0; index < token->panel_count; index++) {
    const castle_cached_panel *panel = token->panels + index;
    const castle_cached_panel *next = index + 1 < token->panel_count ? panel + 1 : panel;
    decode_panel(token, panel, next->qu ? next->qu : next->kc);
  }
}

const castle_attention_kernels CASTLE_NAME(castle_attention_kernels) = {
    .lanes = CASTLE_LANES,
    .product = CASTLE_NAME(product),
    .copy = CASTLE_NAME(copy),
    .write = CASTLE_NAME(write),
    .transpose = CASTLE_NAME(transpose),
    .row_dots = CASTLE_NAME(row_dots),
    .gate = CASTLE_NAME(gate),
    .gate_backward = CASTLE_NAME(gate_backward),
    .softmax = CASTLE_NAME(softmax),
    .decode = CASTLE_NAME(decode),
    .softmax_backward = CASTLE_NAME(softmax_backward),
};
