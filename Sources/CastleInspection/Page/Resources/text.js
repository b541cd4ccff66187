/** The text, token by token, each on the color of a number. */
class TokenText {
  /** `actions`: select(token, event), hover(token, event), leave(). */
  constructor(box, actions) {
    this.box = box;
    this.actions = actions;
    box.addEventListener("click", (event) => this.on(event, actions.select));
    box.addEventListener("pointerover", (event) => this.on(event, actions.hover));
    box.addEventListener("pointerleave", () => actions.leave());
    box.addEventListener("keydown", (event) => this.key(event));
  }

  /** Puts the tokens of `trace` in. */
  fill(trace) {
    this.time = this.chosen = undefined;
    this.spans = trace.tokens.map((text, index) => {
      const span = document.createElement("span");
      span.className = "token";
      span.dataset.token = index;
      span.setAttribute("role", "button");
      span.tabIndex = -1;
      const breaks = (text.match(/\n/g) ?? []).length;
      span.textContent = text.replace(/\n/g, "⏎").replace(/ /g, "\u00a0") || "␣";
      if (breaks) span.classList.add("break");
      return span;
    });
    this.box.replaceChildren(
      ...this.spans.flatMap((span, index) => {
        const parts = trace.tokens[index].startsWith(" ") ? [document.createElement("wbr"), span] : [span];
        return span.classList.contains("break") ? [...parts, document.createElement("br")] : parts;
      }));
  }

  /** `view`: key, queries, time, palette, values (one a token, or null), range. */
  show(view) {
    if (this.time !== view.time && this.time !== undefined) this.reveal(view.time);
    else if (this.chosen !== view.key) this.reveal(view.key);
    [this.time, this.chosen] = [view.time, view.key];
    const colors = new ColorScale(view.palette, view.isSigned, view.range);
    this.spans.forEach((span, index) => {
      const value = view.values[index];
      const isColored = value !== null && value !== undefined && Math.abs(value) > 0.004 * colors.largest;
      span.style.background = isColored ? colors.css(value) : "";
      span.style.color = isColored ? colors.ink(value) : "";
      span.classList.toggle("unread", index > view.time);
      span.classList.toggle("now", index === view.time);
      span.classList.toggle("key", index === view.key);
      const query = view.queries.indexOf(index);
      span.classList.toggle("query", query >= 0);
      const { curves } = view.palette;
      span.style.setProperty("--query", query >= 0 ? curves[query % curves.length] : "");
      span.tabIndex = index === view.key ? 0 : -1;
      span.setAttribute("aria-pressed", index === view.key);
    });
  }

  /** Scrolls the text, not the page, to a token. */
  reveal(index) {
    const { box } = this;
    const span = this.spans[index];
    const top = span.offsetTop - span.offsetHeight;
    if (top < box.scrollTop || top + 3 * span.offsetHeight > box.scrollTop + box.clientHeight) {
      box.scrollTop = top - box.clientHeight / 3;
    }
  }

  on(event, action) {
    const span = event.target.closest?.(".token");
    if (span) action(Number(span.dataset.token), event);
  }

  key(event) {
    const span = event.target.closest?.(".token");
    if (!span) return;
    const index = Number(span.dataset.token);
    if (event.key === "Enter") {
      this.actions.select(index, event);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const next = this.spans[index + (event.key === "ArrowLeft" ? -1 : 1)];
      if (next) {
        next.focus();
        const bounds = next.getBoundingClientRect();
        this.actions.hover(Number(next.dataset.token), { clientX: bounds.right, clientY: bounds.bottom });
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
