/** How much the terms of all earlier keys moved, on average, when token `t` was read. */
function changeMade(terms, t) {
  let sum = 0;
  for (let s = 0; s < t; s++) sum += Math.abs(terms.at(t, s) - terms.at(t - 1, s));
  return t ? sum / t : 0;
}

/** What colours the text: a number a token, and in words what it is. */
const colorings = {
  keys: ["keys now", (terms) => (s) => (s <= asked() ? terms.at(asked(), s) : null),
    () => `Each token in the colour of what its lookahead key, having read up to ${marked(asked())}, does to
      its score for the query of ${marked(state.query)}. Press ▶ to watch the keys change.`],
  made: ["changes made", (terms) => (t) => (t <= asked() ? changeMade(terms, t) : null),
    () => `Each token in the colour of how much reading it changed the keys before it, on average, for the
      query of ${marked(state.query)}.`],
  changed: ["changed just now",
    (terms) => (s) => (s < asked() ? terms.at(asked(), s) - terms.at(asked() - 1, s) : null),
    () => `What reading ${marked(asked())} changed in the keys before it, for the query of
      ${marked(state.query)}.`],
  readers: ["who changed the key",
    (terms) => (t) =>
      t > state.key && t <= asked() ? terms.at(t, state.key) - terms.at(t - 1, state.key) : null,
    () => `Each token in the colour of what it did to the key of ${marked(state.key)} when it was read, for
      the query of ${marked(state.query)}.`],
  attention: ["attention", () => (s) => (s <= state.query ? state.head.attention.at(state.query, s) : null),
    () => `How much ${marked(state.query)} attends to each token.`],
};

function showText() {
  const { trace, head } = state;
  const kinds = Object.entries(colorings).filter(([name]) => head.lookahead || name === "attention");
  if (!kinds.some(([name]) => name === state.coloring)) state.coloring = kinds[0][0];
  const terms = head.keysOverTime(state.query);
  const [, make, note] = colorings[state.coloring];
  const value = make(terms);
  const values = trace.tokens.map((_, index) => value(index));
  const isSigned = !["attention", "made"].includes(state.coloring);
  const range = textRange(terms, values, isSigned);
  const { key, time } = state;
  text.show({ key, queries: queries(), time, palette: palette(), values, isSigned, range });
  choice($("coloring"), kinds.map(([name, parts]) => [name, parts[0]]), state.coloring, (name) => {
    state.coloring = name;
    show();
  });
  const [low, high] = $("text-scale").querySelectorAll("span");
  [low.textContent, high.textContent] = [isSigned ? shown(range.low) : "0", shown(range.high)];
  $("text-scale").querySelector("i").style.background = new ColorScale(palette(), isSigned, range).gradient;
  $("text-note").innerHTML = `${note()} Click a token to choose its key.`;
}

/** The range of the colours; the same at all times for keys, so that they can be compared as they change. */
function textRange(terms, values, isSigned) {
  if (isSigned && state.coloring === "keys") return terms.range;
  const numbers = values.filter((value) => value !== null);
  return { low: Math.min(0, ...numbers), high: Math.max(isSigned ? 0 : 1e-6, ...numbers) };
}
