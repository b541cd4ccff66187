import CastleMeasurement
import Foundation
import Testing

/// A model that `castle` has trained for a moment, with all that lies around it: what the other tests start
/// from.
final class TinyModel: Sendable {
  /// Made by the first test that asks.
  static let shared = Result { try TinyModel() }

  let folder: TemporaryFolder

  /// The text that everything is made from.
  static let text = (0..<400)
    .map { "Line \($0): to be, or not to be, that is question \($0 * $0).\n" }.joined()

  var tokenizer: String { folder.path("tokenizer.json") }
  var shards: String { folder.path("shards") }
  var run: String { folder.path("run") }
  var model: String { folder.path("run/model") }
  var textFile: String { folder.path("text.txt") }

  /// The settings of a run of `steps` steps in `output`.
  static func settings(shards: String, output: String, steps: Int) -> [String] {
    [
      "data.shards=\(shards)", "output=\(output)", "training.steps=\(steps)", "training.batch-size=2",
      "training.sequence-length=32", "schedule.warm-up=0", "model.preset=1m-castle", "model.layers=1",
      "model.hidden-size=32",
      "model.intermediate-size=64", "model.heads=2", "evaluation.tokens=500", "optimizer.learning-rate=0.01",
    ].flatMap { ["--set", $0] }
  }

  private init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.text, to: "text.txt")
    _ = try CastleProcess.output(
      ["tokenizer", "train", "--vocab-size", "300", "--output", tokenizer, textFile])
    _ = try CastleProcess.output(["prepare", "--tokenizer", tokenizer, "--output", shards, textFile])
    _ = try CastleProcess.output(
      ["train", "--threads", "1"] + Self.settings(shards: shards, output: run, steps: 100))
  }

  /// A copy of the model folder in which one file is changed.
  func copy(
    in folder: TemporaryFolder, changing name: String, _ change: (inout [UInt8]) throws -> Void
  ) throws -> String {
    let copy = folder.path("model")
    try FileManager.default.copyItem(atPath: model, toPath: copy)
    let url = URL(fileURLWithPath: copy + "/" + name)
    var bytes = [UInt8](try Data(contentsOf: url))
    try change(&bytes)
    try Data(bytes).write(to: url)
    return copy
  }
}
