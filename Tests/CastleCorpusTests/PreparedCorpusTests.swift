import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct PreparedCorpusTests {
  private let folder: TemporaryFolder
  private var shards: String { folder.path("text") }

  init() throws {
    folder = try TemporaryFolder()
    try SmallCorpus.prepare(folder, name: "text", seed: 1)
  }

  private func open() throws -> PreparedCorpus { try PreparedCorpus(folder: shards) }

  private func message() -> String {
    do {
      _ = try open()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func change(_ name: String, _ old: String, _ new: String) throws {
    let text = try folder.text("text/" + name)
    try #require(text.contains(old))
    try AtomicFile.write(text.replacing(old, with: new).utf8, path: shards + "/" + name)
  }

  @Test func partsAreWhatTheManifestSays() throws {
    let text = try open()
    let manifest = try CorpusManifest.read(folder: shards)
    #expect(text.training.tokenCount == manifest.train.tokens)
    #expect(text.validation?.tokenCount == manifest.validation.tokens)
    #expect(text.training.shards.count > 1)
  }

  @Test func anotherTokenizerIsRefused() throws {
    try change("tokenizer.json", "<|endoftext|>", "<|endofpage|>")
    #expect(message().contains("text/tokenizer.json was changed after it was made"), "\(message())")
  }

  @Test func aTokenizerWithoutItsFileIsRefused() throws {
    try FileManager.default.removeItem(atPath: shards + "/tokenizer.json")
    #expect(message().contains("text/tokenizer.json"), "\(message())")
  }

  @Test(arguments: [
    ("\"vocabularySize\" : 257", "\"vocabularySize\" : 258"), ("\"endOfText\" : 256", "\"endOfText\" : 0"),
  ])
  func aManifestOfAnotherTokenizerIsRefused(old: String, new: String) throws {
    try change(CorpusManifest.fileName, old, new)
    #expect(
      message().contains("has 257 tokens and ends texts with 256, but manifest.json says"), "\(message())")
  }
}
