import CastleFormats
import CastleTensors
import Foundation

/// The lines that `castle benchmark training` prints.
package enum TrainingTable {
  package static func text(_ report: TrainingReport) -> String {
    (heading(report) + [titles] + report.rows.map(line) + [""] + summary(report)).joined(separator: "\n")
  }

  private static func heading(_ report: TrainingReport) -> [String] {
    let sequences = "\(report.batchSize) sequences of \(report.length) tokens"
    return [
      report.backend,
      "\(NumberFormat.grouped(report.parameters)) parameters "
        + "(\(NumberFormat.grouped(report.nonEmbeddingParameters)) besides embedding and head), \(sequences)"
        + (report.accumulation > 1 ? " \(report.accumulation) times" : "")
        + (report.recomputes ? ", activations recomputed" : "")
        + "; loss and gradients of a small model of this kind agree with the reference",
      String(
        format: "Matrix product %.1f GFLOP/s, copy %.1f GB/s (this run); medians of %d steps",
        report.productRate / 1e9, report.copyBandwidth / 1e9, report.repetitions),
      "",
    ]
  }

  private static let titles =
    pad("part", 24) + pad("phase", 14) + "       ms   bound ms    of peak    of step"

  private static func line(_ row: TrainingReport.Row) -> String {
    pad(row.part.rawValue, 24) + pad(row.phase.rawValue, 14)
      + String(
        format: "%9.3f  %9.3f  %9.0f%%  %8.1f%%", row.seconds * 1e3, row.boundSeconds * 1e3,
        row.shareOfPeak * 100, row.shareOfStep * 100)
  }

  private static func summary(_ report: TrainingReport) -> [String] {
    func time(_ name: String, _ seconds: Double, _ note: String = "") -> String {
      pad(name, 38) + String(format: "%9.3f", seconds * 1e3) + (note.isEmpty ? "" : "  " + note)
    }
    func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
    let memory = report.memory
    let bytes = NumberFormat.bytes
    return [
      time("sum of the parts", report.sumOfPartsSeconds),
      time("other", report.otherSeconds, percent(report.otherSeconds / report.stepSeconds)),
      time(
        "step, nothing in it timed", report.stepSeconds,
        String(format: "best %.3f; with its operations timed ", report.bestStepSeconds * 1e3)
          + String(format: "%.3f", report.splitStepSeconds * 1e3)),
      time(
        "bound of the step", report.stepBoundSeconds,
        String(format: "%.1f GFLOP, ", report.operationsPerStep / 1e9)
          + percent(report.stepBoundSeconds / report.stepSeconds) + " of peak; "
          + percent(report.shareOfRateAroundStep) + " of the product rate around each step"),
      "",
      pad("speed", 38) + "\(NumberFormat.grouped(Int(report.tokensPerSecond))) tokens/s",
      pad("neither matrix product nor attention", 38) + percent(report.remainderShare) + " of the step",
      pad("memory", 38) + "peak \(bytes(memory.peak)); planned \(bytes(memory.planned)): "
        + "weights \(bytes(memory.weights)), gradients \(bytes(memory.gradients)), "
        + "moments \(bytes(memory.moments)), activations \(bytes(memory.activations)), "
        + "program \(bytes(memory.program))",
    ]
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
  }
}
