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
  const variants = [
    model.lookahead && !model.silu && "without SiLU", !model.causal_keys && "without causal keys",
  ];
  $("subtitle").textContent = [model.name, [kind, ...variants.filter(Boolean)].join(", "),
    `${model.layers} layers × ${model.heads} heads`, `${tokens.length} tokens`].join(" · ");
  $("title").textContent = model.lookahead ? "Lookahead keys at work" : "Attention at work";
  $("lead").innerHTML = model.lookahead
    ? `An ordinary key is made when its token is read, and stays as it is. A <b>lookahead key</b> goes on
       reading: every later token may change it, and with it how much the tokens to come attend to it. Choose
       a token and press ▶ to watch.`
    : `This model has ordinary causal attention: its keys are made when their tokens are read, and stay as
       they are. There are no lookahead keys to show.`;
  $("causal").hidden = !head.causal;
  $("lookahead").hidden = !head.lookahead;
  document.querySelector(".pair").hidden = !head.lookahead;
  $("distance-card").hidden = !head.lookahead;
  $("foot").textContent = `The outputs that follow from these maps differ from those the layer computed by at
    most ${head.deviation.toExponential(1)} of the largest. Mean |lookahead term| ${shown(head.strength, 3)},
    mean |causal score| ${shown(head.causal?.meanMagnitude ?? 0, 3)}.`;
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
  const zooms = [...$("zoom").options].map((option) => Number(option.value));
  if (!zooms.includes(state.zoom)) state.zoom = 0;
  $("zoom").value = state.zoom;
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
  const post = body && { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(path, { headers, ...post });
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
const likesDark = matchMedia("(prefers-color-scheme: dark)").matches;
setTheme(palettes[startTheme] ? startTheme : likesDark ? "dark" : "light");
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
  const actions = {
    ",": () => setTime(state.time - 1), ".": () => setTime(state.time + 1), "[": () => stepHead(-1),
    "]": () => stepHead(1), d: switchTheme, " ": play,
  };
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
