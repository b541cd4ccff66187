/** What causal scores and lookahead terms are on average for tokens that are so far apart. */
class DistancePlot {
  /** `actions`: hover(distance, event), leave(). */
  constructor(canvas, actions) {
    this.canvas = canvas;
    canvas.addEventListener("pointermove", (event) => {
      const distance = this.distance(event);
      if (distance === null) actions.leave();
      else actions.hover(distance, event);
    });
    canvas.addEventListener("pointerleave", () => actions.leave());
  }

  /** `view`: lines (name, values, color, dash, isFaint), palette. */
  show(view) {
    this.view = view;
    const { lines, palette } = view;
    const { context, width, height } = prepare(this.canvas, () => 230);
    const [left, right, top, bottom] = [46, width < 520 ? 20 : 120, 10, 34];
    // Few pairs are far apart: their means are noise.
    const last = Math.ceil((lines[0].values.length - 1) * 0.9);
    const all = lines.flatMap((line) => [...line.values.subarray(0, last + 1)]).concat(0);
    let [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = Math.max(0.02, 0.06 * (high - low));
    [low, high] = [low - pad, high + pad];
    const x = (distance) => left + (distance / Math.max(1, last)) * (width - left - right);
    const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
    this.frame = { left, right, width, last };
    drawValueAxis(context, { left, end: width - right, low, high, y, palette });
    context.textAlign = "center";
    const step = Math.max(1, niceStep(last / 8));
    for (let tick = 0; tick <= last; tick += step) context.fillText(tick, x(tick), height - bottom + 12);
    context.textAlign = "left";
    context.fillText("tokens between key and query", left, height - 6);
    for (const line of lines) {
      context.strokeStyle = context.fillStyle = line.color;
      context.globalAlpha = line.isFaint ? 0.35 : 1;
      context.lineWidth = line.isFaint ? 1.2 : 2.4;
      context.setLineDash(line.dash ?? []);
      context.beginPath();
      for (let at = 0; at <= last; at++) context.lineTo(x(at), y(line.values[at]));
      context.stroke();
      context.setLineDash([]);
      if (!line.isFaint && width >= 520) {
        context.font = strongFont;
        context.fillText(line.name, x(last) + 8, y(line.values[last]));
      }
    }
    context.globalAlpha = 1;
  }

  distance(event) {
    if (!this.frame) return null;
    const { left, right, width, last } = this.frame;
    const bounds = this.canvas.getBoundingClientRect();
    const distance = Math.round(((event.clientX - bounds.left - left) / (width - left - right)) * last);
    return distance >= 0 && distance <= last ? distance : null;
  }
}
