/** A canvas as wide as its box and sharp on any screen. */
function prepare(canvas, height) {
  const width = canvas.parentElement.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  const tall = height(width);
  canvas.style.height = `${tall}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(tall * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, tall);
  return { context, width, height: tall };
}

/** The room for labels beside and below a map. */
const gutter = { left: 58, bottom: 50 };

const labelFont = "11px system-ui, sans-serif";
const strongFont = "600 12px system-ui, sans-serif";

/** A triangle as a picture: a row for each query, or time, and a column for each key. */
class HeatMap {
  /**
   * `options`: title, note, isSigned, rowName, and the functions hover(row, column, event), leave() and
   * select(row, column).
   */
  constructor(box, options) {
    this.options = options;
    box.innerHTML = `<header><h3></h3><div class="scale"><span></span><i></i><span></span></div></header>
      <div class="canvas"><canvas tabindex="0" role="img"></canvas></div><p class="note"></p>`;
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.picture = document.createElement("canvas");
    this.setTitle(options.title, options.note);
    this.canvas.addEventListener("pointermove", (event) => this.point(event, options.hover));
    this.canvas.addEventListener("pointerleave", () => options.leave());
    this.canvas.addEventListener("blur", () => options.leave());
    this.canvas.addEventListener("click", (event) => this.point(event, options.select));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  setTitle(title, note) {
    this.box.querySelector("h3").textContent = title;
    this.box.querySelector(".note").innerHTML = note;
    this.canvas.setAttribute("aria-label", `${title}. Arrow keys move, Enter chooses.`);
  }

  /** Shows `data`. `view`: row0, column0, count, rows that are read, palette, label(index), scale range. */
  show(data, view) {
    this.data = data;
    this.view = view;
    this.colors = new ColorScale(view.palette, this.options.isSigned, data.range);
    const scale = this.box.querySelector(".scale");
    const [low, high] = scale.querySelectorAll("span");
    low.textContent = this.options.isSigned ? shown(data.range.low) : "0";
    high.textContent = shown(data.range.high);
    scale.querySelector("i").style.background = this.colors.gradient;
    this.paint();
    this.draw();
  }

  /** Makes the picture, one pixel a pair. */
  paint() {
    const { row0, column0, count, palette } = this.view;
    const painted = [this.data, row0, column0, count, palette];
    if (this.painted?.every((part, index) => part === painted[index])) return;
    this.painted = painted;
    this.picture.width = this.picture.height = count;
    const image = new ImageData(count, count);
    for (let y = 0; y < count; y++) {
      for (let x = 0; x < count; x++) {
        if (!this.data.has(row0 + y, column0 + x)) continue;
        const at = 4 * (y * count + x);
        this.colors.write(this.data.at(row0 + y, column0 + x), image.data, at);
        image.data[at + 3] = 255;
      }
    }
    this.picture.getContext("2d").putImageData(image, 0, 0);
  }

  draw() {
    const { view } = this;
    const { context, width } = prepare(this.canvas, (width) => width - gutter.left + gutter.bottom);
    const { left } = gutter;
    const top = 2;
    const side = width - left - 2;
    this.frame = { left, top, side, cell: side / view.count };
    context.imageSmoothingEnabled = false;
    const read = Math.max(0, Math.min(view.count, view.time + 1 - view.row0));
    context.globalAlpha = view.palette.faint;
    context.drawImage(this.picture, left, top, side, side);
    context.globalAlpha = 1;
    if (read > 0) {
      context.drawImage(
        this.picture, 0, 0, view.count, read, left, top, side, (side * read) / view.count);
    }
    this.drawLabels(context);
    this.drawMarks(context);
  }

  drawLabels(context) {
    const { view, frame: { left, top, side, cell } } = this;
    const step = Math.max(1, Math.ceil(12 / cell));
    context.font = labelFont;
    context.fillStyle = view.palette.soft;
    for (let i = 0; i < view.count; i += step) {
      const [row, column] = [view.row0 + i, view.column0 + i];
      const isFree = this.isFar(row, view.query, step) && this.isFar(row, this.cursor?.row, step);
      if (row < this.data.size && isFree) {
        this.rowLabel(context, row, left, top + (i + 0.5) * cell);
      }
      if (this.isFar(column, view.key, step) && this.isFar(column, this.cursor?.column, step)) {
        this.columnLabel(context, column, left + (i + 0.5) * cell, top + side);
      }
    }
    context.font = strongFont;
    for (const [row, column, color] of this.markers()) {
      context.fillStyle = color;
      const [y, x] = [row - view.row0, column - view.column0];
      if (y >= 0 && y < view.count) this.rowLabel(context, row, left, top + (y + 0.5) * cell);
      if (x >= 0 && x < view.count) this.columnLabel(context, column, left + (x + 0.5) * cell, top + side);
    }
  }

  isFar(index, other, step) {
    return other === undefined || other === null || Math.abs(index - other) >= step;
  }

  markers() {
    const { view, cursor } = this;
    const marks = [[view.query, view.key, view.palette.mark]];
    if (cursor) marks.push([cursor.row, cursor.column, view.palette.ink]);
    return marks;
  }

  rowLabel(context, index, x, y) {
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(this.view.label(index), x - 5, y);
  }

  columnLabel(context, index, x, y) {
    context.save();
    context.translate(x, y + 5);
    context.rotate(-Math.PI / 2.6);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(this.view.label(index), 0, 0);
    context.restore();
  }

  /** Lines through the chosen pair and through that under the pointer. */
  drawMarks(context) {
    const { view, frame: { left, top, side, cell } } = this;
    for (const [row, column, color] of this.markers()) {
      const [y, x] = [top + (row - view.row0) * cell, left + (column - view.column0) * cell];
      context.save();
      context.beginPath();
      context.rect(left, top, side, side);
      context.clip();
      context.strokeStyle = color;
      context.globalAlpha = 0.55;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(left, y + cell / 2);
      context.lineTo(x, y + cell / 2);
      context.moveTo(x + cell / 2, y + cell);
      context.lineTo(x + cell / 2, top + side);
      context.stroke();
      context.globalAlpha = 1;
      context.lineWidth = 1.5;
      const edge = Math.max(cell, 7);
      context.strokeRect(x + (cell - edge) / 2, y + (cell - edge) / 2, edge, edge);
      context.restore();
    }
  }

  point(event, action) {
    if (!this.frame) return;
    const bounds = this.canvas.getBoundingClientRect();
    const { left, top, cell } = this.frame;
    const row = Math.floor((event.clientY - bounds.top - top) / cell) + this.view.row0;
    const column = Math.floor((event.clientX - bounds.left - left) / cell) + this.view.column0;
    if (event.clientX - bounds.left < left || !this.data.has(row, column)) return this.options.leave();
    action(row, column, event);
  }

  key(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const from = this.cursor ?? { row: this.view.query, column: this.view.key };
    if (event.key === "Enter") {
      this.options.select(from.row, from.column, event);
    } else if (moves[event.key]) {
      const [row, column] = [from.row + moves[event.key][0], from.column + moves[event.key][1]];
      if (this.data.has(row, column)) this.options.hover(row, column, this.anchor(row, column));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** The place of a pair on the screen. */
  anchor(row, column) {
    const bounds = this.canvas.getBoundingClientRect();
    const { left, top, cell } = this.frame;
    return {
      clientX: bounds.left + left + (column - this.view.column0 + 0.5) * cell,
      clientY: bounds.top + top + (row - this.view.row0 + 0.5) * cell,
    };
  }

  setCursor(cursor) {
    this.cursor = cursor && this.data?.has(cursor.row, cursor.column) ? cursor : null;
    if (this.data) this.draw();
  }
}

/** A map of attention, which can also be shown without the lookahead term, or as what that changes. */
class AttentionMap {
  constructor(map) {
    this.map = map;
    this.box = document.createElement("div");
    this.box.className = "choice";
    this.box.setAttribute("role", "radiogroup");
    this.box.setAttribute("aria-label", "Which attention");
    map.box.querySelector("header").insertBefore(this.box, map.box.querySelector(".scale"));
  }

  show(kind, maps, view, notes, select) {
    this.map.options.isSigned = kind === "difference";
    this.map.setTitle("Attention", notes[kind]);
    this.box.hidden = !maps.difference;
    const kinds = [["with", "as it is"], ["without", "without lookahead"], ["difference", "difference"]];
    choice(this.box, kinds, kind, select);
    this.map.show(maps[kind], view);
  }
}
