/**
 * How the score of one key moves for some queries while later tokens are read, above the gates that let them
 * in.
 */
class Curves {
  /** `actions`: hover(token, event), leave(), select(token). */
  constructor(canvas, actions) {
    this.canvas = canvas;
    canvas.addEventListener("pointermove", (event) => this.point(event, actions));
    canvas.addEventListener("pointerleave", () => actions.leave());
    canvas.addEventListener("click", (event) => this.point(event, { ...actions, hover: actions.select }));
  }

  /** `view`: head, key, queries, time, asScore, palette, label(index). */
  show(view) {
    this.view = view;
    const { head, key, queries } = view;
    this.last = Math.min(head.size - 1, Math.max(...queries, key + 1));
    this.lines = queries.map((query, index) => {
      const terms = head.keysOverTime(query);
      const base = view.asScore ? (head.causal?.at(query, key) ?? 0) : 0;
      const values = [];
      for (let t = key; t <= query; t++) values.push(base + terms.at(t, key));
      return { query, index, values, base };
    });
    this.draw();
  }

  draw() {
    const { view } = this;
    const { context, width, height } = prepare(this.canvas, (width) =>
      width < 520 ? 320 : Math.max(430, Math.min(560, width / 2)));
    const left = 46;
    const right = width < 520 ? 66 : 96;
    const bottom = 52;
    const gateHeight = width < 520 ? 56 : 84;
    const split = height - bottom - gateHeight - 26;
    const all = this.lines.flatMap((line) => line.values).concat(view.asScore ? [] : [0]);
    let [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = Math.max(0.02, 0.08 * (high - low));
    [low, high] = [low - pad, high + pad];
    const count = Math.max(1, this.last - view.key);
    const x = (t) => left + ((t - view.key) / count) * (width - left - right);
    const y = (value) => 8 + ((high - value) / (high - low)) * (split - 8);
    this.frame = { left, right, width, count };
    this.drawAxis(context, { left, end: width - right, low, high, y, split });
    this.drawGates(context, { left, end: width - right, x, base: height - bottom, gateHeight, count });
    this.drawTime(context, { x, top: 8, base: height - bottom });
    const ends = this.lines.map((line) => this.drawLine(context, line, x, y));
    this.drawEndLabels(context, ends, width);
    this.drawTokens(context, { x, base: height - bottom, count, room: width - left - right });
  }

  drawAxis(context, { left, end, low, high, y, split }) {
    const { palette } = this.view;
    drawValueAxis(context, { left, end, low, high, y, palette });
    context.textAlign = "left";
    context.fillText("gate of the key for each token", left, split + 15);
  }

  /**
   * A bar for each later token: how far the gate opens, in the colour of what that does to the first query's
   * score.
   */
  drawGates(context, { left, end, x, base, gateHeight, count }) {
    const { head, key, queries, time, palette } = this.view;
    const line = this.lines[0];
    const changes = line.values.map((value, i) => (i ? value - line.values[i - 1] : 0));
    const range = { low: Math.min(0, ...changes), high: Math.max(0, ...changes) };
    const strong = { ...palette, lower: visible(palette.lower), raise: visible(palette.raise) };
    const colors = new ColorScale(strong, true, range);
    const width = Math.max(1, (end - left) / count - 1);
    for (let t = key + 1; t <= this.last; t++) {
      const tall = gateHeight * head.gates.at(t, key);
      context.globalAlpha = t <= time ? 1 : 0.25;
      context.fillStyle = t <= queries[0] ? colors.css(changes[t - key]) : palette.line;
      context.fillRect(x(t) - width / 2, base - tall, width, tall);
    }
    context.globalAlpha = 1;
    context.strokeStyle = palette.soft;
    context.beginPath();
    context.moveTo(left, base + 0.5);
    context.lineTo(end, base + 0.5);
    context.stroke();
    context.fillStyle = palette.soft;
    context.textAlign = "right";
    context.fillText("1", left - 6, base - gateHeight);
    context.fillText("0", left - 6, base);
  }

  drawTime(context, { x, top, base }) {
    const { time, key, palette } = this.view;
    const place = x(Math.max(key, Math.min(time, this.last)));
    context.strokeStyle = palette.mark;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(place, top);
    context.lineTo(place, base);
    context.stroke();
    context.setLineDash([]);
  }

  drawLine(context, line, x, y) {
    const { key, time, palette } = this.view;
    context.strokeStyle = context.fillStyle = palette.curves[line.index % palette.curves.length];
    context.setLineDash([[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4]][line.index % 5]);
    context.lineJoin = "round";
    const stroke = (from, to, alpha, thick) => {
      context.globalAlpha = alpha;
      context.lineWidth = thick;
      context.beginPath();
      for (let t = from; t <= to; t++) context.lineTo(x(t), y(line.values[t - key]));
      context.stroke();
    };
    const thick = line.index === 0 ? 2.6 : 1.8;
    stroke(key, line.query, 0.25, thick);
    stroke(key, Math.min(line.query, Math.max(key, time)), 1, thick);
    context.setLineDash([]);
    context.globalAlpha = 1;
    const end = { x: x(line.query), y: y(line.values.at(-1)), line };
    context.beginPath();
    context.arc(end.x, end.y, line.index === 0 ? 4.5 : 3.5, 0, 2 * Math.PI);
    context.fill();
    return end;
  }

  /** The query of each curve at its end, moved apart where they would overlap. */
  drawEndLabels(context, ends, width) {
    context.font = strongFont;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const placed = [];
    for (const end of ends.sort((a, b) => a.y - b.y)) {
      const label = this.view.label(end.line.query);
      const size = context.measureText(label).width + 10;
      const at = { x: Math.min(end.x + 8, width - size), y: end.y, size };
      for (const other of placed) {
        const overlaps = at.x < other.x + other.size && other.x < at.x + at.size;
        if (overlaps && at.y < other.y + 15) at.y = other.y + 15;
      }
      placed.push(at);
      context.fillStyle = this.view.palette.curves[end.line.index % this.view.palette.curves.length];
      context.strokeStyle = this.view.palette.zero;
      context.lineWidth = 3;
      context.strokeText(label, at.x, at.y);
      context.fillText(label, at.x, at.y);
    }
  }

  drawTokens(context, { x, base, count, room }) {
    const { view } = this;
    const step = Math.max(1, Math.ceil((13 * count) / room));
    const cursor = this.cursor;
    for (let t = view.key; t <= this.last; t += 1) {
      const isMarked = t === view.key || t === cursor;
      const isNear = [view.key, cursor].some((other) => other !== undefined && Math.abs(other - t) < step);
      if (!isMarked && ((t - view.key) % step || isNear)) continue;
      context.save();
      context.font = isMarked ? strongFont : labelFont;
      const { mark, ink, soft } = view.palette;
      context.fillStyle = t === view.key ? mark : isMarked ? ink : soft;
      context.translate(x(t), base + 6);
      context.rotate(-Math.PI / 2.6);
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(view.label(t), 0, 0);
      context.restore();
    }
  }

  point(event, actions) {
    if (!this.frame) return;
    const { left, right, width, count } = this.frame;
    const bounds = this.canvas.getBoundingClientRect();
    const share = (event.clientX - bounds.left - left) / (width - left - right);
    const token = this.view.key + Math.round(share * count);
    if (token < this.view.key || token > this.last) return actions.leave();
    actions.hover(token, event);
  }

  setCursor(token) {
    this.cursor = token ?? undefined;
    if (this.view) this.draw();
  }
}

/** Lines and numbers for the values from `low` to `high`. */
function drawValueAxis(context, { left, end, low, high, y, palette }) {
  const step = niceStep((high - low) / 4);
  context.font = labelFont;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
    context.strokeStyle = Math.abs(tick) < step / 2 ? palette.soft : palette.line;
    context.beginPath();
    context.moveTo(left, y(tick));
    context.lineTo(end, y(tick));
    context.stroke();
    context.fillStyle = palette.soft;
    context.fillText(shown(tick, step < 0.1 ? 2 : step < 1 ? 1 : 0), left - 6, y(tick));
  }
}

/** The colours of a scale without those that hide on the background. */
function visible(stops) {
  return [stops[1], ...stops.slice(1)];
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least);
}
