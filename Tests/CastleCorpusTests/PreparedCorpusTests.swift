import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTokenizer
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

  @Test func keysAreInSnakeCaseAndThoseOfEarlierVersionsAreRead() throws {
    let manifest = try CorpusManifest.read(folder: shards)
    let text = try folder.text("text/" + CorpusManifest.fileName)
    let keys = text.matches(of: /"(\w+)" :/).map { String($0.1) }
    #expect(keys.contains("token_bytes") && !keys.contains { $0.contains(where: \.isUppercase) }, "\(keys)")
    let old = keys.reduce(text) { text, key in
      let words = key.split(separator: "_")
      let camel = words[0] + words.dropFirst().map(\.capitalized).joined()
      return text.replacing("\"\(key)\" :", with: "\"\(camel)\" :")
    }
    try #require(old.contains("tokenBytes") && !old.contains("_bytes"))
    try AtomicFile.write(old.utf8, path: shards + "/" + CorpusManifest.fileName)
    #expect(try CorpusManifest.read(folder: shards) == manifest)
    #expect(message() == "no error")
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
    ("\"vocabulary_size\" : 257", "\"vocabulary_size\" : 258"),
    ("\"end_of_text\" : 256", "\"end_of_text\" : 0"),
  ])
  func aManifestOfAnotherTokenizerIsRefused(old: String, new: String) throws {
    try change(CorpusManifest.fileName, old, new)
    #expect(
      message().contains("has 257 tokens and ends texts with 256, but manifest.json says"), "\(message())")
  }

  /// Files without a manifest: the tokens of the prepared folder, in other forms.
  private func writeRaw(_ form: String) throws -> (training: [Int32], validation: [Int32]) {
    let text = try open()
    func tokens(_ part: PreparedCorpus.Part?) -> [Int32] {
      part?.shards.flatMap { $0.tokens(0..<$0.tokenCount) } ?? []
    }
    func bytes<Stored: FixedWidthInteger>(_ tokens: [Int32], as type: Stored.Type) -> [UInt8] {
      tokens.flatMap { token in withUnsafeBytes(of: Stored(token).littleEndian) { Array($0) } }
    }
    let (training, validation) = (tokens(text.training), tokens(text.validation))
    switch form {
    case "nanoGPT":
      try folder.write(bytes(training, as: UInt16.self), to: "raw/train.bin")
      try folder.write(bytes(validation, as: UInt16.self), to: "raw/val.bin")
    case "uint32":
      try folder.write(bytes(training, as: UInt32.self), to: "raw/train.bin")
      try folder.write(bytes(validation, as: UInt32.self), to: "raw/val.bin")
    default:
      for (index, shard) in text.training.shards.enumerated() {
        try folder.write(
          try folder.bytes("text/" + (shard.path as NSString).lastPathComponent),
          to: "raw/web_train_00000\(index).bin")
      }
      try folder.write(try folder.bytes("text/val_000000.bin"), to: "raw/web_val_000000.bin")
    }
    return (training, validation)
  }

  @Test(arguments: ["nanoGPT", "uint32", "llm.c"])
  func foldersOfOthersAreOpened(form: String) throws {
    let (training, validation) = try writeRaw(form)
    let tokenizer = folder.path("tokenizer.json")
    let width: TokenWidth? = form == "uint32" ? .uint32 : nil
    let text = try PreparedCorpus(folder: folder.path("raw"), tokenizer: tokenizer, width: width)
    #expect(text.training.shards.flatMap { $0.tokens(0..<$0.tokenCount) } == training)
    #expect(text.validation?.shards.flatMap { $0.tokens(0..<$0.tokenCount) } == validation)
    #expect(text.tokenizer.endOfText == 256 && text.tokenizerPath == tokenizer)
    try folder.write(try folder.bytes("tokenizer.json"), to: "raw/tokenizer.json")
    let again = try PreparedCorpus(folder: folder.path("raw"), width: width)
    #expect(again.fingerprint == text.fingerprint)
    try again.checkTokenizer(isThatOf: try open())
    if form == "llm.c" { return }
    var bytes = try folder.bytes("raw/train.bin")
    bytes[0] ^= 1
    try folder.write(bytes, to: "raw/train.bin")
    #expect(try PreparedCorpus(folder: folder.path("raw"), width: width).fingerprint != text.fingerprint)
  }

  @Test func foldersOfOthersAreChecked() throws {
    _ = try writeRaw("nanoGPT")
    func message(_ tokenizer: String?, _ width: TokenWidth? = nil) -> String {
      do {
        _ = try PreparedCorpus(folder: folder.path("raw"), tokenizer: tokenizer, width: width)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    let tokenizer = folder.path("tokenizer.json")
    #expect(message(nil).contains("data.tokenizer"))
    #expect(message(tokenizer, .uint32).contains("data.dtype"), "\(message(tokenizer, .uint32))")
    try folder.write([0x01, 0x01, 0x61, 0x00], to: "raw/train.bin")
    #expect(message(tokenizer).contains("train.bin has the token 257, but the tokenizer has only 257"))
    try folder.write([0x61, 0x00, 0x61], to: "raw/train.bin")
    #expect(message(tokenizer).contains("no whole number"))
    _ = try writeRaw("uint32")
    #expect(message(tokenizer).contains("data.dtype=uint32"))
    for name in ["train.bin", "val.bin"] {
      try FileManager.default.removeItem(atPath: folder.path("raw/" + name))
    }
    #expect(message(tokenizer).contains("castle prepare"))
  }
}
