import Foundation

/// The lines that `castle benchmark attention` prints.
package enum AttentionTable {
  package static let header =
    "mechanism   heads   length    d  pass                      best ms  median ms   bound ms  of peak"
    + "        rate  extra MB  of causal  per head"

  package static func line(_ row: AttentionBenchmark.Row) -> String {
    let unit = row.pass == .decode ? "GB/s" : "GFLOP/s"
    func ratio(_ value: Double?) -> String { value.map { String(format: "%8.3fx", $0) } ?? "        -" }
    return pad(row.mechanism, 12) + pad(row.heads, 5) + pad(row.length, 9) + pad(row.headSize, 5) + "  "
      + pad(row.pass.rawValue, 24)
      + String(
        format: "%9.3f %10.3f %10.3f %7.0f%% %8.1f ", row.seconds * 1e3, row.medianSeconds * 1e3,
        row.boundSeconds * 1e3, row.shareOfPeak * 100, row.work / row.seconds / 1e9)
      + pad(unit, 8) + String(format: "%7.1f ", Double(row.extraBytes) / 1e6)
      + ratio(row.timeOverCausal) + " " + ratio(row.timePerHeadOverCausal)
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
  }

  private static func pad(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
