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

  /// The first plot as a picture of its own, if there is one with anything in it.
  package var picture: String? {
    for case .plot(let plot) in blocks where plot.series.contains(where: { !$0.isEmpty }) { return plot.file }
    return nil
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
    \(Plot.style)
    body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 920px; margin: 2em auto; padding: 0 1em; }
    h1 { font-size: 1.6em; line-height: 1.25; }
    h2 { font-size: 1.2em; margin-top: 2em; }
    figure { margin: 1.5em 0; }
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
