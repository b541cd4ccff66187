/** A square matrix of which the elements on and below the diagonal are kept, row by row. */
class Triangle {
  constructor(size, values) {
    this.size = size;
    this.values = values;
  }

  /** A triangle from 16-bit integers in base64 and their scale. */
  static decode(size, packed) {
    if (!packed) return null;
    const bytes = Uint8Array.from(atob(packed.values), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const values = new Float32Array(bytes.length / 2);
    for (let i = 0; i < values.length; i++) values[i] = view.getInt16(2 * i, true) * packed.scale;
    return new Triangle(size, values);
  }

  /** A triangle whose elements `value(row, column)` gives. */
  static of(size, value) {
    const triangle = new Triangle(size, new Float32Array((size * (size + 1)) / 2));
    for (let row = 0, i = 0; row < size; row++) {
      for (let column = 0; column <= row; column++, i++) triangle.values[i] = value(row, column);
    }
    return triangle;
  }

  has(row, column) {
    return row >= 0 && column >= 0 && row < this.size && column <= row;
  }

  at(row, column) {
    return this.values[(row * (row + 1)) / 2 + column];
  }

  /** The smallest and the largest element, and 0. */
  get range() {
    if (!this.bounds) {
      let [low, high] = [0, 0];
      for (const value of this.values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      this.bounds = { low, high };
    }
    return this.bounds;
  }

  /** The means over all pairs of tokens that are 0, 1, 2, … apart. */
  get meansByDistance() {
    if (!this.means) {
      const sums = new Float64Array(this.size);
      for (let row = 0, i = 0; row < this.size; row++) {
        for (let column = 0; column <= row; column++, i++) sums[row - column] += this.values[i];
      }
      this.means = sums.map((sum, distance) => sum / (this.size - distance));
    }
    return this.means;
  }

  get meanMagnitude() {
    let sum = 0;
    for (const value of this.values) sum += Math.abs(value);
    return sum / this.values.length;
  }
}

/** One query head: its maps, and what follows from them. */
class Head {
  constructor(json, model, size) {
    this.layer = json.layer;
    this.head = json.head;
    this.deviation = json.output_deviation;
    this.size = size;
    this.silu = model.silu;
    this.attention = Triangle.decode(size, json.attention);
    this.causal = Triangle.decode(size, json.causal);
    this.lookahead = Triangle.decode(size, json.lookahead);
    this.gates = Triangle.decode(size, json.gates);
    this.readings = Triangle.decode(size, json.readings);
    this.strength = this.lookahead ? this.lookahead.meanMagnitude : 0;
    this.overTime = new Map();
  }

  /** What q · u / √d adds to a score. */
  term(product) {
    return this.silu ? -product / (1 + Math.exp(-product)) : -product;
  }

  score(query, key) {
    return (this.causal?.at(query, key) ?? 0) + (this.lookahead?.at(query, key) ?? 0);
  }

  /** The terms of all keys for one query: row t, column s is that of key s once token t is read. */
  keysOverTime(query) {
    let triangle = this.overTime.get(query);
    if (triangle || !this.lookahead) return triangle ?? null;
    triangle = Triangle.of(query + 1, () => 0);
    for (let s = 0; s <= query; s++) {
      let sum = 0;
      for (let t = s; t <= query; t++) {
        sum += this.gates.at(t, s) * this.readings.at(query, t);
        triangle.values[(t * (t + 1)) / 2 + s] = this.term(sum);
      }
    }
    if (this.overTime.size > 24) this.overTime.clear();
    this.overTime.set(query, triangle);
    return triangle;
  }

  /** The softmax of the causal scores alone: the same queries and keys, had no key read on. */
  get withoutLookahead() {
    if (!this.plain && this.lookahead) {
      this.plain = Triangle.of(this.size, (row, column) => this.causal?.at(row, column) ?? 0);
      const values = this.plain.values;
      for (let row = 0, start = 0; row < this.size; start += ++row) {
        const part = values.subarray(start, start + row + 1);
        const largest = part.reduce((a, b) => Math.max(a, b), -Infinity);
        let sum = 0;
        for (let i = 0; i <= row; i++) sum += part[i] = Math.exp(part[i] - largest);
        for (let i = 0; i <= row; i++) part[i] /= sum;
      }
    }
    return this.plain;
  }

  /** What lookahead keys change in the attention. */
  get difference() {
    if (!this.changed && this.lookahead) {
      const plain = this.withoutLookahead;
      this.changed = Triangle.of(
        this.size, (row, column) => this.attention.at(row, column) - plain.at(row, column));
    }
    return this.changed;
  }

  /** The largest change of each key's term for `query` with one token read. */
  largestSteps(query) {
    const terms = this.keysOverTime(query);
    const steps = new Float64Array(query + 1);
    for (let t = 1; t <= query; t++) {
      for (let s = 0; s < t; s++) {
        steps[s] = Math.max(steps[s], Math.abs(terms.at(t, s) - terms.at(t - 1, s)));
      }
    }
    return steps;
  }

  /**
   * Of the keys that `isChosen`, that which one token moved most for `query`; without lookahead keys, that
   * attended to most.
   */
  mostMovedKey(query, isChosen) {
    const values = this.lookahead ? this.largestSteps(query) : null;
    const apart = Math.max(1, Math.floor(query / 6));
    let best = { key: 0, value: -1 };
    for (let key = 0; key <= query - apart; key++) {
      const value = values ? values[key] : this.attention.at(query, key);
      if (value > best.value && (best.value < 0 || isChosen(key))) best = { key, value };
    }
    return best.key;
  }

  /** The queries after `key`, apart from each other, for which its term is largest. */
  strongQueries(key, count, taken) {
    if (!this.lookahead) return [];
    const queries = [];
    for (let query = key + 2; query < this.size; query++) queries.push(query);
    queries.sort((a, b) => Math.abs(this.lookahead.at(b, key)) - Math.abs(this.lookahead.at(a, key)));
    const chosen = [...taken];
    const apart = Math.max(2, Math.floor((this.size - key) / 12));
    for (const query of queries) {
      if (chosen.length >= count + taken.length) break;
      if (chosen.every((other) => Math.abs(other - query) >= apart)) chosen.push(query);
    }
    return chosen.slice(taken.length);
  }
}

/** A text, a model, and some of its heads. */
class Trace {
  constructor(json) {
    this.model = json.model;
    this.tokens = json.tokens;
    this.heads = new Map();
    this.add(json);
  }

  add(json) {
    for (const head of json.heads) {
      this.heads.set(`${head.layer}.${head.head}`, new Head(head, this.model, this.tokens.length));
    }
  }

  get(layer, head) {
    return this.heads.get(`${layer}.${head}`);
  }

  /** Of the heads whose lookahead keys do most, that in which single tokens move them most for `query`. */
  liveliest(query) {
    const strong = [...this.heads.values()].sort((a, b) => b.strength - a.strength).slice(0, 8);
    if (!strong[0].lookahead) return strong[0];
    const moved = strong.map((head) => head.largestSteps(query).reduce((a, b) => a + b, 0));
    return strong[moved.indexOf(Math.max(...moved))];
  }

  /** The last token that is a word, or else the last. */
  get lastWord() {
    const last = this.tokens.length - 1;
    for (let index = last; index > last / 2; index--) if (this.isWord(index)) return index;
    return last;
  }

  /** Whether a token is a whole word of some length. */
  isWord(index) {
    return /^\s\p{L}{3,}$/u.test(this.tokens[index]) && !/^\p{L}/u.test(this.tokens[index + 1] ?? "");
  }

  /** A token as a label: white space is made visible where there is nothing else. */
  label(index, longest = 9) {
    const text = this.tokens[index];
    let label = text.trim();
    if (!label) label = text.includes("\n") ? "⏎" : "␣";
    return label.length > longest ? label.slice(0, longest - 1) + "…" : label;
  }
}

/** A number as it is read at a glance. */
function shown(value, digits = 2) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "−");
}

function percent(value) {
  const share = 100 * value;
  return `${shown(share, Math.abs(share) < 10 ? 1 : 0)} %`;
}
