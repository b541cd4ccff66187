const $ = (id) => document.getElementById(id);

/** What is chosen. */
const state = {
  trace: null, head: null, key: 0, query: 0, pinned: null, time: 0, zoom: 0, coloring: "keys",
  asScore: false, attention: "with", timer: null,
};

const palette = () => palettes[document.documentElement.dataset.theme];
const label = (index) => state.trace.label(index);
const quoted = (index) => `“${state.trace.tokens[index].replace(/\n/g, "⏎").trim() || "␣"}”`;
const marked = (index) => `<b>${escaped(quoted(index))}</b>`;
const numbered = (index) => `${marked(index)} <small>#${index}</small>`;
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** The queries whose curves are shown, the chosen one first. */
function queries() {
  const others = state.pinned ?? state.head.strongQueries(state.key, 3, [state.query]);
  return [state.query, ...others.filter((query) => query !== state.query && query > state.key)].slice(0, 5);
}

/** The last token that matters for the chosen query. */
const asked = () => Math.min(state.time, state.query);

function choose(key, query) {
  if (key >= query) return;
  Object.assign(state, { key, query, pinned: null });
  if (state.time < query) state.time = query;
  show();
}

function chooseKey(key) {
  const later = state.head.strongQueries(key, 1, [])[0] ?? key + 1;
  if (later < state.trace.tokens.length) choose(key, state.query > key ? state.query : later);
}

function toggleQuery(query) {
  if (query <= state.key) return;
  const shown = queries().slice(1);
  state.pinned = shown.includes(query) ? shown.filter((other) => other !== query) : [...shown, query];
  show();
}

function choice(box, options, current, select) {
  box.replaceChildren(...options.map(([value, text]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", value === current);
    button.addEventListener("click", () => select(value));
    return button;
  }));
}
