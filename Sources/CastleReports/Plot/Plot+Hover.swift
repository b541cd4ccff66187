import CastleFormats

extension Plot {
  /// What the page's script needs to show the values under the pointer.
  func hoverData(_ x: PlotAxis, _ y: PlotAxis) -> String {
    func axis(_ axis: PlotAxis) -> JSONValue {
      let isLogarithmic = if case .logarithmic = axis.scale { true } else { false }
      return .object([
        "low": .number(axis.low), "high": .number(axis.high), "start": .number(axis.start),
        "end": .number(axis.end),
        "log": .bool(isLogarithmic), "time": .bool(axis.isTime),
      ])
    }
    let curves = series.enumerated().flatMap { index, series in
      series.curves.filter { $0.emphasis != .faint && !$0.points.isEmpty }.map { curve in
        JSONValue.object([
          "name": .string(curve.name), "style": .string(SeriesStyle(index).colorClass),
          "strong": .bool(curve.emphasis == .strong),
          "points": .list(
            Self.few(curve.points).flatMap {
              [JSONValue.number(Self.rounded($0.x)), .number(Self.rounded($0.y))]
            }),
        ])
      }
    }
    return JSONValue.object(["x": axis(x), "y": axis(y), "curves": .list(curves), "label": .string(xLabel)])
      .text
  }

  private static let hoverPoints = 250

  private static func few(_ points: [Point]) -> [Point] {
    let pace = max(1, points.count / hoverPoints)
    guard pace > 1, let last = points.last else { return points }
    return stride(from: 0, to: points.count, by: pace).map { points[$0] } + [last]
  }

  private static func rounded(_ value: Double) -> Double { (value * 1e5).rounded() / 1e5 }

  /// Shows, at the pointer, a line and the value of every curve there.
  static let hoverScript = #"""
    for (const svg of document.querySelectorAll('svg.plot')) {
      const plot = JSON.parse(svg.dataset.plot), layer = svg.querySelector('.hover');
      const make = (tag, attributes, text) => {
        const node = document.createElementNS(svg.namespaceURI, tag);
        for (const name in attributes) node.setAttribute(name, attributes[name]);
        if (text !== undefined) node.textContent = text;
        layer.append(node);
        return node;
      };
      const place = (axis, value) => {
        const share = axis.log ? Math.log(value / axis.low) / Math.log(axis.high / axis.low)
          : (value - axis.low) / (axis.high - axis.low);
        return axis.start + share * (axis.end - axis.start);
      };
      const number = value => plot.x.time ? `${Math.round(value)} s`
        : value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 4 : 0 });
      svg.addEventListener('pointermove', event => {
        const box = svg.getBoundingClientRect();
        const pointer = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
        layer.replaceChildren();
        if (pointer < plot.x.start - 5 || pointer > plot.x.end + 5) return;
        const rows = [];
        let nearest = null;
        for (const curve of plot.curves) {
          let best = null;
          for (let i = 0; i < curve.points.length; i += 2) {
            const distance = Math.abs(place(plot.x, curve.points[i]) - pointer);
            if (best === null || distance < best.distance)
              best = { distance, x: curve.points[i], y: curve.points[i + 1] };
          }
          if (best.distance > 60) continue;
          if (nearest === null || best.distance < nearest.distance) nearest = best;
          rows.push({ curve, best });
        }
        if (nearest === null) return;
        const shown = rows.filter(row => row.curve.strong).sort((a, b) => b.best.y - a.best.y).slice(0, 12);
        const at = place(plot.x, nearest.x);
        make('line', { class: 'cursor', x1: at, x2: at, y1: plot.y.start, y2: plot.y.end });
        for (const { curve, best } of rows) {
          const y = place(plot.y, best.y);
          if (y >= plot.y.end) make('circle', { class: curve.style + ' dot', r: curve.strong ? 3.5 : 2,
            cx: place(plot.x, best.x), cy: y });
        }
        const lines = [`${plot.label.split(',')[0]} ${number(nearest.x)}`]
          .concat(shown.map(row => `${row.curve.name}  ${row.best.y.toFixed(4)}`));
        const width = 12 + 7.4 * Math.max(...lines.map(line => line.length));
        const left = at + 10 + width > plot.x.end ? at - 10 - width : at + 10;
        make('rect', {
          class: 'tip', x: left, y: plot.y.end + 4, width, height: 8 + 16 * lines.length, rx: 3 });
        lines.forEach((line, i) => make('text', { class: i ? shown[i - 1].curve.style + ' name' : 'tick',
          x: left + 6, y: plot.y.end + 20 + 16 * i }, line));
      });
      svg.addEventListener('pointerleave', () => layer.replaceChildren());
    }
    """#
}
