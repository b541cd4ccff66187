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
