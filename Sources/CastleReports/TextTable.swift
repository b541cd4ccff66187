/// Cells in columns as plain text.
package enum TextTable {
  /// Rows with equally wide columns: those of `leftColumns` to the left, the others to the right.
  package static func aligned(_ rows: [[String]], leftColumns: Set<Int>) -> String {
    guard let first = rows.first else { return "" }
    let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { cells in
      let line = zip(cells, widths).enumerated().map { column, entry in
        let padding = String(repeating: " ", count: entry.1 - entry.0.count)
        return leftColumns.contains(column) ? entry.0 + padding : padding + entry.0
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
