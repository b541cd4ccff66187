import Foundation

/// The lines that `castle benchmark weights` prints.
package enum WeightTable {
  package static func text(_ report: WeightBenchmark.Report) -> String {
    var lines = [
      report.backend, String(format: "Read %.1f GB/s (this run)", report.readBandwidth / 1e9),
      "outputs x inputs  format    rows     best us   median us    bound us  of peak    GB/s  weight error",
    ]
    lines += report.rows.map { row in
      pad("\(row.outputs)x\(row.inputs)", 18) + pad(row.format, 8)
        + String(
          format: "%6d %11.1f %11.1f %11.1f %7.0f%% %7.1f %13.5f", row.rows, row.seconds * 1e6,
          row.medianSeconds * 1e6, row.boundSeconds * 1e6, row.shareOfPeak * 100,
          Double(row.bytes) / row.seconds / 1e9, row.weightError)
    }
    return lines.joined(separator: "\n")
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
  }
}
