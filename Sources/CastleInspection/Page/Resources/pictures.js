const map = (id, options) => new HeatMap($(id), {
  hover: (row, column, event) => hover(row, column, event, options.rowIsTime),
  leave: unhover,
  select: (row, column) => choose(column, options.rowIsTime ? state.query : row),
  ...options,
});
const maps = {
  attention: map("attention", { title: "Attention", note: "", isSigned: false }),
  causal: map("causal", { title: "Causal score", isSigned: true,
    note: "q<sup>C</sup>·k<sup>C</sup>/√d: what the query makes of the token as it was when it was read." }),
  lookahead: map("lookahead", { title: "Lookahead term", isSigned: true,
    note: "−SiLU(q<sup>C</sup>·u/√d): what the token’s key has learned from the tokens read since." }),
  overTime: map("over-time", { title: "", note: "", isSigned: true, rowIsTime: true }),
};
const attention = new AttentionMap(maps.attention);
const curves = new Curves($("curves"), { hover: hoverTime, leave: unhover, select: (time) => setTime(time) });
const distances = new DistancePlot($("distance"), { hover: hoverDistance, leave: unhover });
const text = new TokenText($("text"), {
  select: (token, event) => (event.shiftKey ? toggleQuery(token) : chooseKey(token)),
  hover: (token, event) => hoverToken(token, event), leave: unhover });

function show() {
  const { trace, head } = state;
  const count = trace.tokens.length;
  const size = state.zoom && state.zoom < count ? state.zoom : count;
  const start = (index) => Math.max(0, Math.min(count - size, index - Math.floor(size / 2)));
  const view = { palette: palette(), label, count: size, key: state.key, query: state.query, time: state.time,
    row0: start(state.query), column0: start(state.key) };
  showAttention(view);
  if (head.causal) maps.causal.show(head.causal, view);
  if (head.lookahead) {
    maps.lookahead.show(head.lookahead, view);
    showCurves(view);
    showDistances();
  }
  showText();
  showHeads();
  $("time").value = state.time;
  $("time-label").textContent = quoted(state.time);
  const hash = new URLSearchParams({
    layer: head.layer, head: head.head, key: state.key, query: state.query, time: state.time,
    zoom: state.zoom, color: state.coloring, map: state.attention,
    theme: document.documentElement.dataset.theme,
  });
  history.replaceState(null, "", `#${hash}`);
}

function showAttention(view) {
  const { head } = state;
  const kinds = { with: head.attention, without: head.withoutLookahead, difference: head.difference };
  const notes = {
    with: "The weights with which each token (row) attends to those before it (column). Rows sum to 1.",
    without: "The same queries and keys with the lookahead term left out: a what-if, not a causal model.",
    difference: "Attention less that without the lookahead term: blue gained, orange lost.",
  };
  attention.show(kinds[state.attention] ? state.attention : "with", kinds, view, notes, (kind) => {
    state.attention = kind;
    show();
  });
}

function showCurves(view) {
  const { trace, head, key, query } = state;
  const all = queries();
  $("curve-title").innerHTML = `The key of ${marked(key)} as the text is read`;
  const { time, asScore } = state;
  curves.show({ head, key, queries: all, time, asScore, palette: palette(), label });
  const measures = [[false, "lookahead term"], [true, "whole score"]];
  choice($("measure"), head.causal ? measures : measures.slice(0, 1), state.asScore, (value) => {
    state.asScore = value;
    show();
  });
  const reader = mostMoving(head, key, query);
  const start = state.asScore ? "the causal score" : "0, when the key has read nothing,";
  $("curve-note").innerHTML = `Each curve asks one fixed query, ${all.map(marked).join(", ")}, of this key
    after every token: it starts at ${start} and ends where the model asked. Bars: how far the key’s gate
    opened for each token; their colour: what that did to the score for ${marked(query)}.
    ${reader === null ? "" : `Moved most by ${marked(reader)}.`}`;
  $("curves").setAttribute("aria-label", $("curve-title").textContent);
  maps.overTime.setTitle(`All keys against ${quoted(query)}, over time`,
    `The term of every key (column) for this one query, after each token was read (row). A column that changes
     its colour is a key that changes its mind.`);
  maps.overTime.show(head.keysOverTime(query), { ...view, query: asked(), row0: Math.max(0,
    Math.min(trace.tokens.length - view.count, asked() - Math.floor(view.count / 2))) });
}

function showDistances() {
  const { trace, head } = state;
  const { curves: [blue, orange] } = palette();
  const others = [...trace.heads.values()].filter((other) => other !== head);
  const lines = others.map((other) => ({
    color: orange, isFaint: true, values: other.lookahead.meansByDistance,
  }));
  const add = (name, map, look) => lines.push({ name, values: map.meansByDistance, ...look });
  if (head.causal) add("causal score", head.causal, { color: blue, dash: [6, 3] });
  add("lookahead term", head.lookahead, { color: orange });
  state.lines = lines;
  distances.show({ lines, palette: palette() });
}

/** The token whose reading moved the term of `key` for `query` most. */
function mostMoving(head, key, query) {
  const terms = head.keysOverTime(query);
  let best = { token: null, change: 0.005 };
  for (let t = key + 1; t <= query; t++) {
    const change = Math.abs(terms.at(t, key) - terms.at(t - 1, key));
    if (change > best.change) best = { token: t, change };
  }
  return best.token;
}
