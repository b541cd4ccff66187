extension Plot {
  /// The picture as an SVG file: as on a page, but without what follows the pointer.
  package var file: String {
    let (width, height) = (Self.width.svg, Self.height.svg)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 \(width) \(height)" \
      width="\(width)" height="\(height)">
      <style>
      \(Self.style)
      </style>
      <rect width="\(width)" height="\(height)" style="fill: var(--paper)"/>
      \(shapes(identifier: "plot").joined(separator: "\n"))
      </svg>

      """
  }

  /// The colors, light and dark, and how the parts of a plot look.
  static let style = """
    :root { --ink: #1a1a1a; --soft: #595959; --line: #dcdcdc; --paper: #fff; --stripe: #f6f6f6; \
    \(SeriesStyle.variables(isDark: false)) }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #3a3a3a; --paper: #161616; --stripe: #1f1f1f; \
    \(SeriesStyle.variables(isDark: true)) }
    }
    \(SeriesStyle.rules)
    .plot { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
    .plot text { fill: var(--soft); }
    .plot .title { font-size: 15px; font-weight: 600; fill: var(--ink); }
    .plot .label { font-size: 13px; fill: var(--ink); }
    .plot .name {
      fill: var(--c); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
    }
    .plot .grid { stroke: var(--line); }
    .plot .axis { stroke: var(--soft); }
    .plot polyline { fill: none; stroke: var(--c); stroke-linejoin: round; }
    .plot .strong { stroke-width: 2.2; }
    .plot .thin { stroke-width: 1; stroke-opacity: .5; }
    .plot .faint { stroke-width: 1; stroke-opacity: .28; }
    .plot .band { fill: var(--c); fill-opacity: .13; }
    .plot .bar { stroke: var(--c); stroke-width: 1.6; }
    .plot .mark { fill: var(--c); stroke: var(--paper); }
    .plot .leader { stroke: var(--c); stroke-opacity: .6; }
    .plot .cursor { stroke: var(--soft); stroke-dasharray: 2 2; }
    .plot .dot { fill: var(--c); }
    .plot .tip { fill: var(--paper); fill-opacity: .93; stroke: var(--line); }
    """
}
