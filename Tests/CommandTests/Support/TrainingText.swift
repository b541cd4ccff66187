import CastleFormats
import CastleMeasurement
import CastleTokenizer
import Foundation
import Testing

/// A folder with token shards in `text` and settings of a small run in `run.yaml`.
struct TrainingText {
  let folder: TemporaryFolder

  /// Prepares 20 documents of simple sentences with `castle prepare`, and as many more as are asked for in a
  /// folder of their own.
  init(extraDocuments: Int = 0) throws {
    folder = try TemporaryFolder()
    let tokenizer = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8($0)] } + [nil], merges: [],
      addedTokens: [AddedToken(id: 256, content: "<|endoftext|>")], template: TextTemplate(before: [256]))
    try TokenizerFile.write(tokenizer, path: folder.path("tokenizer.json"))
    let documents = (0..<20).map(Self.document)
    try folder.write(documents.joined(separator: "\n%\n"), to: "source.txt")
    _ = try CastleProcess.output([
      "prepare", "--tokenizer", folder.path("tokenizer.json"), "--output", shards, "--separator", "%",
      "--validation-documents", "3", folder.path("source.txt"),
    ])
    if extraDocuments > 0 {
      let documents = (0..<extraDocuments).map(Self.document)
      try folder.write(documents.joined(separator: "\n%\n"), to: "extra.txt")
      _ = try CastleProcess.output([
        "prepare", "--tokenizer", folder.path("tokenizer.json"), "--output", extra, "--separator", "%",
        "--validation-documents", "0", folder.path("extra.txt"),
      ])
    }
    try folder.write(
      """
      seed: 3
      data: {shards: \(shards)}
      model: {preset: 1m-castle, layers: 2, hidden-size: 64, heads: 4, head-size: 16}
      training: {steps: 40, batch-size: 4, sequence-length: 64}
      schedule: {warm-up: 5}
      evaluation: {every: 8}
      checkpoints: {every: 5}
      """, to: "run.yaml")
  }

  private static func document(_ number: Int) -> String {
    let words = ["red", "green", "blue", "grey"]
    return (0..<60).map { place in words[(place * place + number * place) % 4] }.joined(separator: " ")
      + " \(number)"
  }

  /// The folder of the shards.
  var shards: String { folder.path + "/text" }

  /// The folder of the shards of the further documents.
  var extra: String { folder.path + "/extra" }

  /// The arguments that train into the folder `run`.
  func training(_ run: String, _ more: String...) -> [String] {
    ["train", "--config", folder.path("run.yaml"), "--set", "output=\(folder.path(run))", "--threads", "1"]
      + more
  }

  /// The losses of a run.
  func metrics(_ run: String) throws -> String { try folder.text(run + "/metrics.jsonl") }

  /// The number of lines in the losses of a run so far.
  func metricsLineCount(_ run: String) -> Int {
    let data = FileManager.default.contents(atPath: folder.path(run + "/metrics.jsonl")) ?? Data()
    return data.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
  }

  /// The weights that a run ended with, as the bytes of their file.
  func weights(_ run: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder.path(run + "/model/model.safetensors")))
  }

  /// The names of the checkpoints of a run, the oldest first.
  func checkpoints(_ run: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path(run + "/checkpoints")).sorted()
  }

  /// A shard of the training text or of the validation text.
  func shard(ofValidation: Bool) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: shards)
    let prefix = ofValidation ? "val" : "train"
    return shards + "/" + (try #require(names.first { $0.hasPrefix(prefix) && $0.hasSuffix(".bin") }))
  }
}
