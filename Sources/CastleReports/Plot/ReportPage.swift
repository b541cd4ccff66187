/// A report: one page that needs no other file and no network, or Markdown.
package struct ReportPage: Sendable {
  /// A part of the report.
  package enum Block: Sendable {
    case heading(String)
    case text(String)
    /// Rows, the first of them the header; the columns of `left` hold texts, the others numbers.
    case table([[String]], left: Set<Int>)
    case plot(Plot)
    /// What a reader opens who wants it.
    case folded(String, [Block])
  }

  /// The title.
  package var title: String
  /// The parts.
  package var blocks: [Block]

  /// A report with nothing but a title.
  package init(title: String, blocks: [Block] = []) {
    self.title = title
    self.blocks = blocks
  }

  /// The report as Markdown, without pictures.
  package var markdown: String {
    "# \(title)\n\n" + blocks.map(Self.markdown).filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private static func markdown(_ block: Block) -> String {
    switch block {
    case .heading(let text): return "## " + text
    case .text(let text): return text
    case .plot: return ""
    case .folded(let title, let blocks):
      return "### \(title)\n\n" + blocks.map(markdown).joined(separator: "\n\n")
    case .table(let rows, let left):
      guard let header = rows.first else { return "" }
      let rule = header.indices.map { left.contains($0) ? ":--" : "--:" }
      return ([header, rule] + rows.dropFirst()).map { cells in
        "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
      }.joined(separator: "\n")
    }
  }

  private static func html(_ block: Block, plotCount: inout Int) -> String {
    switch block {
    case .heading(let text): return "<h2>\(HTMLText.escaped(text))</h2>"
    case .text(let text): return "<p>\(HTMLText.escaped(text))</p>"
    case .table(let rows, let left): return html(table: rows, left: left)
    case .plot(let plot):
      guard plot.series.contains(where: { !$0.isEmpty }) else { return "" }
      plotCount += 1
      return "<figure>\(plot.svg(identifier: "plot\(plotCount)"))</figure>"
    case .folded(let title, let blocks):
      let inner = blocks.map { html($0, plotCount: &plotCount) }.joined(separator: "\n")
      return "<details><summary>\(HTMLText.escaped(title))</summary>\n\(inner)</details>"
    }
  }

  private static func html(table rows: [[String]], left: Set<Int>) -> String {
    guard let header = rows.first else { return "" }
    func row(_ cells: [String], _ tag: String) -> String {
      let cells = cells.enumerated().map { column, text in
        "<\(tag)\(left.contains(column) ? " class=\"left\"" : "")>\(HTMLText.escaped(text))</\(tag)>"
      }
      return "<tr>" + cells.joined() + "</tr>"
    }
    return "<div class=\"table\"><table>\n<thead>\(row(header, "th"))</thead>\n<tbody>"
      + rows.dropFirst().map { row($0, "td") }.joined(separator: "\n") + "</tbody>\n</table></div>"
  }

  /// The report as a page.
  package var html: String {
    var plotCount = 0
    let parts = blocks.map { Self.html($0, plotCount: &plotCount) }.joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(HTMLText.escaped(title))</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <h1>\(HTMLText.escaped(title))</h1>
      \(parts)
      <script>
      \(Plot.hoverScript)
      </script>
      </body>
      </html>

      """
  }

  private static let style = """
    :root { --ink: #1a1a1a; --soft: #595959; --line: #dcdcdc; --paper: #fff; --stripe: #f6f6f6; \
    \(SeriesStyle.variables(isDark: false)) }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #3a3a3a; --paper: #161616; --stripe: #1f1f1f; \
    \(SeriesStyle.variables(isDark: true)) }
    }
    \(SeriesStyle.rules)
    body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 920px; margin: 2em auto; padding: 0 1em; }
    h1 { font-size: 1.6em; line-height: 1.25; }
    h2 { font-size: 1.2em; margin-top: 2em; }
    figure { margin: 1.5em 0; }
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
    .table { overflow-x: auto; }
    table { border-collapse: collapse; min-width: 60%; font-variant-numeric: tabular-nums; }
    td, th { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); \
      white-space: nowrap; }
    th { font-weight: 600; border-bottom-color: var(--soft); }
    .left { text-align: left; }
    details { margin: 1em 0; }
    summary { cursor: pointer; }
    @media print { details { display: none; } }
    """
}

/// Text inside HTML.
package enum HTMLText {
  /// `text` with the characters replaced that mean something in HTML.
  package static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
