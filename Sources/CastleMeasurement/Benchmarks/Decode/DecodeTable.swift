import Foundation

/// The lines that `castle benchmark decode` prints.
package enum DecodeTable {
  package static func text(_ report: DecodeBenchmark.Report) -> String {
    var lines = [
      report.backend,
      report.model
        + String(
          format: ", %.1f M parameters; read %.1f GB/s, products %.0f GFLOP/s (this run)",
          Double(report.parameters) / 1e6, report.readBandwidth / 1e9, report.productRate / 1e9),
      "format    prompt  tokens/s      bound  of bound",
    ]
    lines += report.prompts.map { row in
      pad(row.format)
        + String(
          format: "%8d %9.1f %10.1f %8.0f%%", row.tokens, row.tokensPerSecond, row.boundTokensPerSecond,
          row.shareOfBound * 100)
    }
    lines.append(
      "format    together  tokens/s      bound  of bound  weights MB  caches MB  "
        + "step ms  products  attention   rest")
    lines += report.rows.map { row in
      pad(row.format)
        + String(
          format: "%10d %9.1f %10.1f %8.0f%% %11.1f %10.1f %8.2f %9.2f %10.2f %6.2f", row.batch,
          row.tokensPerSecond, row.boundTokensPerSecond, row.shareOfBound * 100,
          Double(row.weightBytes) / 1e6, Double(row.cacheBytes) / 1e6, row.medianSeconds * 1e3,
          row.productSeconds * 1e3, row.attentionSeconds * 1e3,
          (row.medianSeconds - row.productSeconds - row.attentionSeconds) * 1e3)
    }
    return lines.joined(separator: "\n")
  }

  private static func pad(_ text: String) -> String {
    text.padding(toLength: max(8, text.count), withPad: " ", startingAt: 0)
  }
}
