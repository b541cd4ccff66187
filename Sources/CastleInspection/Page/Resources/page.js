const $ = (id) => document.getElementById(id);
const state = { trace: null, head: null, key: 0, query: 0, pinned: null, time: 0, zoom: 0, coloring: "keys", asScore: false,
  attention: "with", timer: null };

const palette = () => palettes[document.documentElement.dataset.theme];
const label = (index) => state.trace.label(index);
const quoted = (index) => `“${state.trace.tokens[index].replace(/\n/g, "⏎").trim() || "␣"}”`;
const marked = (index) => `<b>${escaped(quoted(index))}</b>`;
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** The queries whose curves are shown, the chosen one first. */
function queries() {
  const others = state.pinned ?? state.head.strongQueries(state.key, 3, [state.query]);
  return [state.query, ...others.filter((query) => query !== state.query && query > state.key)].slice(0, 5);
}

/** The last token that matters for the chosen query. */
const asked = () => Math.min(state.time, state.query);

// Choices

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

// What is shown

const map = (id, options) => new HeatMap($(id), {
  hover: (row, column, event) => hover(row, column, event, options.rowIsTime),
  leave: unhover, select: (row, column) => choose(column, options.rowIsTime ? state.query : row), ...options });
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
  const hash = new URLSearchParams({ layer: head.layer, head: head.head, key: state.key, query: state.query,
    time: state.time, zoom: state.zoom, color: state.coloring, map: state.attention, theme: document.documentElement.dataset.theme });
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
  curves.show({ head, key, queries: all, time: state.time, asScore: state.asScore, palette: palette(), label });
  const measures = [[false, "lookahead term"], [true, "whole score"]];
  choice($("measure"), head.causal ? measures : measures.slice(0, 1), state.asScore, (value) => {
    state.asScore = value;
    show();
  });
  const reader = mostMoving(head, key, query);
  $("curve-note").innerHTML = `Each curve asks one fixed query, ${all.map(marked).join(", ")}, of this key after every token:
    it starts at ${state.asScore ? "the causal score" : "0, when the key has read nothing,"} and ends where the model asked.
    Bars: how far the key’s gate opened for each token; their colour: what that did to the score for ${marked(query)}.
    ${reader === null ? "" : `Moved most by ${marked(reader)}.`}`;
  $("curves").setAttribute("aria-label", $("curve-title").textContent);
  maps.overTime.setTitle(`All keys against ${quoted(query)}, over time`,
    `The term of every key (column) for this one query, after each token was read (row). A column that changes its colour
     is a key that changes its mind.`);
  maps.overTime.show(head.keysOverTime(query), { ...view, query: asked(), row0: Math.max(0,
    Math.min(trace.tokens.length - view.count, asked() - Math.floor(view.count / 2))) });
}

function showDistances() {
  const { trace, head } = state;
  const { curves: [blue, orange] } = palette();
  const others = [...trace.heads.values()].filter((other) => other !== head);
  const lines = others.map((other) => ({ name: `layer ${other.layer}, head ${other.head}`, color: orange, isFaint: true,
    values: other.lookahead.meansByDistance }));
  if (head.causal) lines.push({ name: "causal score", color: blue, dash: [6, 3], values: head.causal.meansByDistance });
  lines.push({ name: "lookahead term", color: orange, values: head.lookahead.meansByDistance });
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

/** How much the terms of all earlier keys moved, on average, when token `t` was read. */
function changeMade(terms, t) {
  let sum = 0;
  for (let s = 0; s < t; s++) sum += Math.abs(terms.at(t, s) - terms.at(t - 1, s));
  return t ? sum / t : 0;
}

/** What colours the text: a number a token, and in words what it is. */
const colorings = {
  keys: ["keys now", (terms) => (s) => (s <= asked() ? terms.at(asked(), s) : null),
    () => `Each token in the colour of what its lookahead key, having read up to ${marked(asked())}, does to its score for the
      query of ${marked(state.query)}. Press ▶ to watch the keys change.`],
  made: ["changes made", (terms) => (t) => (t <= asked() ? changeMade(terms, t) : null),
    () => `Each token in the colour of how much reading it changed the keys before it, on average, for the query of
      ${marked(state.query)}.`],
  changed: ["changed just now",
    (terms) => (s) => (s < asked() ? terms.at(asked(), s) - terms.at(asked() - 1, s) : null),
    () => `What reading ${marked(asked())} changed in the keys before it, for the query of ${marked(state.query)}.`],
  readers: ["who changed the key",
    (terms) => (t) => (t > state.key && t <= asked() ? terms.at(t, state.key) - terms.at(t - 1, state.key) : null),
    () => `Each token in the colour of what it did to the key of ${marked(state.key)} when it was read, for the query of
      ${marked(state.query)}.`],
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
  text.show({ key: state.key, queries: queries(), time: state.time, palette: palette(), values, isSigned, range });
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

/** A button for each head, as dark as its lookahead keys are strong. */
function showHeads() {
  const { trace, head } = state;
  const range = { low: 0, high: Math.max(1e-9, ...[...trace.heads.values()].map((head) => head.strength)) };
  const colors = new ColorScale(palette(), false, range);
  for (const button of $("heads").querySelectorAll("button")) {
    const known = trace.get(button.dataset.layer, button.dataset.head);
    const isChosen = known === head;
    button.setAttribute("aria-checked", isChosen);
    button.tabIndex = isChosen ? 0 : -1;
    const isShaded = known?.lookahead && trace.heads.size > 1;
    button.style.background = isShaded ? colors.css(known.strength) : "";
    button.style.color = isShaded ? colors.ink(known.strength) : "";
    button.title = `layer ${button.dataset.layer}, head ${button.dataset.head}`
      + (known?.lookahead ? `: mean |lookahead term| ${shown(known.strength, 3)}` : "");
  }
}

function fillHeads() {
  const { trace } = state;
  const range = (count) => [...Array(count).keys()];
  const isThere = (layer, head) => isInteractive || trace.get(layer, head);
  $("heads").replaceChildren(...range(trace.model.layers).flatMap((layer) => {
    const buttons = range(trace.model.heads).filter((head) => isThere(layer, head)).map((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head;
      button.setAttribute("role", "radio");
      Object.assign(button.dataset, { layer, head });
      button.setAttribute("aria-label", `layer ${layer}, head ${head}`);
      button.addEventListener("click", () => chooseHead(layer, head));
      return button;
    });
    if (!buttons.length) return [];
    const row = document.createElement("div");
    const name = document.createElement("span");
    name.textContent = layer;
    row.append(name, ...buttons);
    return [row];
  }));
}

async function chooseHead(layer, head) {
  const { trace } = state;
  const wanted = state.wanted = `${layer}.${head}`;
  if (!trace.get(layer, head)) await ask(layer, head);
  const found = trace.get(layer, head);
  // Another head or text may have been chosen while the server answered.
  if (!found || state.wanted !== wanted || state.trace !== trace) return;
  state.head = found;
  describe();
  show();
}

function stepHead(step) {
  const buttons = [...$("heads").querySelectorAll("button")];
  const at = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next?.click();
  return next;
}

// Pointer

function tip(html, event) {
  $("tip").innerHTML = html;
  $("tip").hidden = false;
  const { width, height } = $("tip").getBoundingClientRect();
  const x = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
  const y = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
  Object.assign($("tip").style, { left: `${Math.max(4, x)}px`, top: `${Math.max(4, y)}px` });
}

const table = (rows) => `<table>${rows.map(([name, value]) => `<tr><td>${name}</td><td>${value}</td></tr>`).join("")}</table>`;

function hover(row, column, event, rowIsTime) {
  const { head } = state;
  if (rowIsTime) {
    const terms = head.keysOverTime(state.query);
    tip(`key of ${marked(column)}, having read up to ${marked(row)}${table([
      [`term for ${escaped(quoted(state.query))}`, shown(terms.at(row, column), 3)],
      ["gate for this token", row === column ? "–" : shown(head.gates.at(row, column), 2)]])}`, event);
    return setCursors({ over: { row, column }, time: row });
  }
  const rows = [["attention", percent(head.attention.at(row, column))]];
  if (head.causal) rows.push(["causal score", shown(head.causal.at(row, column), 3)]);
  if (head.lookahead) {
    rows.push(["lookahead term", shown(head.lookahead.at(row, column), 3)]);
    rows.push(["score", shown(head.score(row, column), 3)]);
    rows.push(["attention without it", percent(head.withoutLookahead.at(row, column))]);
  }
  tip(`${marked(row)} <small>#${row}</small> attends to ${marked(column)} <small>#${column}</small>${table(rows)}`, event);
  setCursors({ pair: { row, column } });
}

function hoverTime(time, event) {
  const { head, key } = state;
  const rows = queries().filter((query) => time <= query).map((query) => {
    const base = state.asScore ? (head.causal?.at(query, key) ?? 0) : 0;
    return [`for ${escaped(quoted(query))}`, shown(base + head.keysOverTime(query).at(time, key), 3)];
  });
  const gate = time === key ? "its own token" : `gate ${shown(head.gates.at(time, key), 2)}`;
  tip(`after ${marked(time)} <small>#${time}</small>, ${gate}${table(rows)}`, event);
  setCursors({ time });
}

function hoverDistance(distance, event) {
  const rows = state.lines.filter((line) => !line.isFaint).map((line) => [line.name, shown(line.values[distance], 3)]);
  tip(`${distance} tokens apart, mean${table(rows)}`, event);
}

function hoverToken(token, event) {
  const value = colorings[state.coloring][1](state.head.keysOverTime(state.query))(token);
  const known = value === null ? "" : `<br>${colorings[state.coloring][0]}: ${shown(value, 3)}`;
  tip(`${marked(token)} <small>#${token}</small>${known}`, event);
}

function unhover() {
  $("tip").hidden = true;
  setCursors({});
}

function setCursors({ pair = null, over = null, time = null }) {
  for (const name of ["attention", "causal", "lookahead"]) maps[name].setCursor(pair);
  maps.overTime.setCursor(over);
  if (state.head?.lookahead) curves.setCursor(time);
}

// Time

function setTime(time) {
  state.time = Math.max(0, Math.min(state.trace.tokens.length - 1, time));
  show();
}

function play() {
  if (state.timer) return pause();
  const last = state.head.lookahead ? state.query : state.trace.tokens.length - 1;
  if (state.time >= last) setTime(state.head.lookahead ? state.key : 0);
  const step = () => {
    if (state.time >= last) return pause();
    setTime(state.time + 1);
  };
  state.timer = setInterval(step, Math.max(60, Math.min(220, 12000 / (last - state.time))));
  $("play").textContent = "❚❚";
  $("play").setAttribute("aria-label", "Pause");
}

function pause() {
  clearInterval(state.timer);
  state.timer = null;
  $("play").textContent = "▶";
  $("play").setAttribute("aria-label", "Play");
}

// The model and its text

function describe() {
  const { trace: { model, tokens }, head } = state;
  const kind = !model.lookahead ? "causal attention"
    : model.window === null ? "CASTLE" : `CASTLE-SWL, window ${model.window}`;
  const variants = [model.lookahead && !model.silu && "without SiLU", !model.causal_keys && "without causal keys"];
  $("subtitle").textContent = [model.name, [kind, ...variants.filter(Boolean)].join(", "),
    `${model.layers} layers × ${model.heads} heads`, `${tokens.length} tokens`].join(" · ");
  $("title").textContent = model.lookahead ? "Lookahead keys at work" : "Attention at work";
  $("lead").innerHTML = model.lookahead
    ? `An ordinary key is made when its token is read, and stays as it is. A <b>lookahead key</b> goes on reading: every later
       token may change it, and with it how much the tokens to come attend to it. Choose a token and press ▶ to watch.`
    : `This model has ordinary causal attention: its keys are made when their tokens are read, and stay as they are. There are
       no lookahead keys to show.`;
  $("causal").hidden = !head.causal;
  $("lookahead").hidden = !head.lookahead;
  document.querySelector(".pair").hidden = !head.lookahead;
  $("distance-card").hidden = !head.lookahead;
  $("foot").textContent = `The outputs that follow from these maps differ from those the layer computed by at most
    ${head.deviation.toExponential(1)} of the largest. Mean |lookahead term| ${shown(head.strength, 3)}, mean |causal score|
    ${shown(head.causal?.meanMagnitude ?? 0, 3)}.`;
}

/** Shows a trace, as the address says or where most is to be seen. */
function open(trace) {
  pause();
  const hash = new URLSearchParams(location.hash.slice(1));
  const number = (name, limit) => {
    const value = hash.has(name) ? Number(hash.get(name)) : NaN;
    return Number.isInteger(value) && value >= 0 && value < limit ? value : null;
  };
  const count = trace.tokens.length;
  state.trace = trace;
  const { lastWord } = trace;
  state.head = trace.get(hash.get("layer"), hash.get("head")) ?? trace.liveliest(lastWord);
  const [key, query] = [number("key", count), number("query", count)];
  const isPair = key !== null && query !== null && key < query;
  const moved = state.head.mostMovedKey(lastWord, (index) => trace.isWord(index));
  Object.assign(state, { key: isPair ? key : moved, query: isPair ? query : lastWord, pinned: null,
    time: number("time", count) ?? count - 1, zoom: number("zoom", 65) ?? 0 });
  if (["with", "without", "difference"].includes(hash.get("map"))) state.attention = hash.get("map");
  if (colorings[hash.get("color")]) state.coloring = hash.get("color");
  $("time").max = count - 1;
  $("zoom").value = [...$("zoom").options].some((option) => option.value === String(state.zoom)) ? state.zoom : 0;
  $("main").hidden = false;
  fillHeads();
  describe();
  text.fill(trace);
  show();
}

// With a server

const embedded = JSON.parse($("trace").textContent);
const isInteractive = embedded === null;

async function request(path, body) {
  const headers = { "Content-Type": "application/json" };
  if ($("secret").value) headers.Authorization = `Bearer ${$("secret").value}`;
  const answer = await fetch(path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  const json = await answer.json().catch(() => null);
  if (answer.status === 401) document.querySelector(".secret").hidden = false;
  if (!answer.ok) throw new Error(json?.error?.message ?? `the server answered ${answer.status}`);
  return json;
}

function say(message, isError = false) {
  $("message").textContent = message;
  $("message").classList.toggle("error", isError);
}

/** Asks for a head of the text that is shown, or of the one in the form. */
async function ask(layer, head, isNew = false) {
  if (isNew) state.asked = { model: $("model").value || null, text: $("prompt").value };
  $("read").disabled = true;
  say("Reading …");
  const { trace } = state;
  try {
    const json = await request("look/trace", { ...state.asked, layer, head });
    say("");
    if (isNew) open(new Trace(json));
    else trace.add(json);
  } catch (error) {
    say(error.message, true);
  }
  $("read").disabled = false;
}

async function listModels() {
  try {
    const models = (await request("v1/models")).data.map((model) => model.id);
    $("model").replaceChildren(...models.map((name) => new Option(name, name)));
    say("");
  } catch (error) {
    say(error.message, true);
  }
}

// Controls

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  if (state.trace) show();
}

const startTheme = new URLSearchParams(location.hash.slice(1)).get("theme");
setTheme(palettes[startTheme] ? startTheme : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const switchTheme = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
$("theme").addEventListener("click", switchTheme);
$("play").addEventListener("click", play);
$("time").addEventListener("input", () => setTime(Number($("time").value)));
$("zoom").addEventListener("change", () => {
  state.zoom = Number($("zoom").value);
  show();
});
$("heads").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  stepHead(step)?.focus();
});
document.addEventListener("keydown", (event) => {
  if (!state.trace || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=range]), textarea, select")) return;
  const actions = { ",": () => setTime(state.time - 1), ".": () => setTime(state.time + 1), "[": () => stepHead(-1),
    "]": () => stepHead(1), d: switchTheme, " ": play };
  if (!actions[event.key] || (event.key === " " && event.target.matches("button, summary"))) return;
  event.preventDefault();
  actions[event.key]();
});
let lastWidth = innerWidth;
addEventListener("resize", () => {
  if (state.trace && innerWidth !== lastWidth) show();
  lastWidth = innerWidth;
});
$("secret").addEventListener("change", listModels);
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(0, 0, true);
});

if (isInteractive) {
  $("ask").hidden = false;
  listModels();
} else {
  open(new Trace(embedded));
}
