import CastleFormats
import CastleText
import CastleTraining
import Foundation
import Testing

struct PreparedTextTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  private func open() throws -> PreparedText { try PreparedText(folder: small.shards) }

  private func message() -> String {
    do {
      _ = try open()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func change(_ name: String, _ old: String, _ new: String) throws {
    let text = try small.folder.text("text/" + name)
    try #require(text.contains(old))
    try AtomicFile.write(text.replacing(old, with: new).utf8, path: small.shards + "/" + name)
  }

  @Test func partsAreWhatTheManifestSays() throws {
    let text = try open()
    let manifest = try CorpusManifest.read(folder: small.shards)
    #expect(text.training.tokenCount == manifest.train.tokens)
    #expect(text.validation?.tokenCount == manifest.validation.tokens)
    #expect(text.training.shards.count > 1)
  }

  @Test func anotherTokenizerIsRefused() throws {
    try change("tokenizer.json", "<|endoftext|>", "<|endofpage|>")
    #expect(message().contains("text/tokenizer.json was changed after it was made"), "\(message())")
  }

  @Test func aTokenizerWithoutItsFileIsRefused() throws {
    try FileManager.default.removeItem(atPath: small.shards + "/tokenizer.json")
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
