/**
 * Colours of the maps. Every scale is ordered in lightness too, so that it can be read without telling hues
 * apart.
 */
const palettes = {
  light: {
    zero: "#f7f7f5",
    sequential: ["#f7f7f5", "#d3e4f1", "#8fbfdf", "#3f8dc3", "#1b5a97", "#0b2f5c"],
    lower: ["#f7f7f5", "#fbdfb6", "#f2b05c", "#d97d1e", "#a04d06", "#5c2a03"],
    raise: ["#f7f7f5", "#cfe3f3", "#86b9e0", "#3c87c4", "#17568f", "#0a2f58"],
    curves: ["#0b62a8", "#c2510a", "#067a58", "#a8478a", "#5d5d5d"],
    ink: "#1d2126", soft: "#6a7078", line: "#d9dbd8", mark: "#c2185b", faint: 0.16,
  },
  dark: {
    zero: "#1a1d22",
    sequential: ["#1a1d22", "#173a5a", "#1d6396", "#3f97cb", "#8fcdec", "#f1fafe"],
    lower: ["#1a1d22", "#4a2c0d", "#8a4d0f", "#cf7a1c", "#f5ae57", "#fff0d9"],
    raise: ["#1a1d22", "#12344f", "#195b8c", "#338fc9", "#83c6ee", "#eef8ff"],
    curves: ["#5db4f2", "#f5a04c", "#3fcf9f", "#e58bc6", "#b9bec6"],
    ink: "#e8eaed", soft: "#9aa2ad", line: "#343a43", mark: "#ff6aa6", faint: 0.2,
  },
};

function channels(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** 256 colours along the stops. */
function ramp(stops) {
  const colors = stops.map(channels);
  const table = new Uint8ClampedArray(3 * 256);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (colors.length - 1);
    const left = Math.min(Math.floor(place), colors.length - 2);
    for (let c = 0; c < 3; c++) {
      table[3 * i + c] = colors[left][c] + (place - left) * (colors[left + 1][c] - colors[left][c]);
    }
  }
  return table;
}

/** From a number to a colour. Magnitudes go through a square root, which keeps small ones visible. */
class ColorScale {
  constructor(palette, isSigned, range) {
    this.range = range;
    this.largest = Math.max(-range.low, range.high) || 1;
    this.high = ramp(isSigned ? palette.raise : palette.sequential);
    this.low = ramp(palette.lower);
  }

  /** Writes the colour of `value` to `target[at…at+2]`. */
  write(value, target, at) {
    const table = value < 0 ? this.low : this.high;
    const index = 3 * Math.min(255, Math.round(255 * Math.sqrt(Math.abs(value) / this.largest)));
    target[at] = table[index];
    target[at + 1] = table[index + 1];
    target[at + 2] = table[index + 2];
  }

  color(value) {
    const rgb = [0, 0, 0];
    this.write(value, rgb, 0);
    return rgb;
  }

  css(value) {
    return `rgb(${this.color(value).join(",")})`;
  }

  /** Black or white, whichever can be read on the colour of `value`. */
  ink(value) {
    const [r, g, b] = this.color(value);
    return 0.299 * r + 0.587 * g + 0.114 * b > 135 ? "#14171a" : "#ffffff";
  }

  /** The scale as a bar from its least to its largest number. */
  get gradient() {
    const { low, high } = this.range;
    const stops = [];
    for (let i = 0; i <= 24; i++) stops.push(this.css(low + ((high - low) * i) / 24));
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  }
}
