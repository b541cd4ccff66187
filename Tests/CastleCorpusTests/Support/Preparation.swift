import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTensors
import CastleTokenizer
import Testing

/// A folder in which texts are prepared.
struct PreparationFolder {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// What came out.
  struct Result {
    let manifest: CorpusManifest
    let train: [String]
    let validation: [String]
    let notes: [String]
    let output: String
  }

  /// Prepares `input` without validation unless `change` says so.
  func prepare(
    _ input: CorpusInput, threads: Int = 2, _ change: (inout CorpusPreparation) -> Void = { _ in }
  ) throws -> Result {
    var preparation = CorpusPreparation()
    preparation.validation = .documents(0)
    preparation.replacesOutput = true
    change(&preparation)
    var notes: [String] = []
    let manifest = try preparation.run(
      input, tokenizerPath: Golden.path("tokenizer.json"), output: folder.path("out"),
      pool: ThreadPool(threadCount: threads), note: { notes.append("\($0)") })
    #expect(try folder.names().filter { $0.hasSuffix(".partial") }.isEmpty)
    return Result(
      manifest: manifest, train: try documents(manifest.train),
      validation: try documents(manifest.validation),
      notes: notes, output: folder.path("out"))
  }

  func prepare(
    _ paths: String..., threads: Int = 2, _ change: (inout CorpusPreparation) -> Void = { _ in }
  ) throws -> Result {
    try prepare(CorpusInput(paths), threads: threads, change)
  }

  /// The bytes of all files that were made last.
  func output() throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: folder.names(in: "out").map { ($0, try folder.bytes("out/" + $0)) })
  }

  /// The message of the error that preparing ends with.
  func refusal(
    _ input: CorpusInput, _ change: (inout CorpusPreparation) -> Void = { _ in }
  ) -> String {
    do {
      _ = try prepare(input, change)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func documents(_ split: CorpusManifest.Split) throws -> [String] {
    let tokenizer = try Golden.tokenizer()
    let tokens = try split.shards.flatMap { shard in
      let shard = try TokenShard(path: folder.path("out/\(shard.file)"))
      return shard.tokens(0..<shard.tokenCount)
    }
    return try tokens.split(separator: tokenizer.endOfText!, omittingEmptySubsequences: false).dropLast().map
    {
      String(decoding: try tokenizer.decode($0), as: UTF8.self)
    }
  }
}
