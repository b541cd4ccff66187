import CastleCorpus
import CastleFormats
import CastleTensors
import CastleTokenizer

/// A small text whose words follow a simple rule, as a prepared corpus.
package enum SmallCorpus {
  /// Makes shards of 30 short documents whose words follow a simple rule.
  package static func prepare(
    _ folder: TemporaryFolder, name: String, seed: UInt64, validationDocuments: Int = 4
  ) throws {
    let tokenizer = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8($0)] } + [nil], merges: [],
      addedTokens: [AddedToken(id: 256, content: "<|endoftext|>")], template: TextTemplate(before: [256]))
    let tokenizerPath = folder.path + "/tokenizer.json"
    try TokenizerFile.write(tokenizer, path: tokenizerPath)
    var source = RandomSource(seed: seed)
    let words = ["lo", "hi", "mid", "up", "down"]
    let documents = (0..<30).map { _ in
      (0..<30).map { _ in words[Int(source.next() % 5)] }.joined(separator: " ")
    }
    let path = folder.path + "/\(name).txt"
    try AtomicFile.write(documents.joined(separator: "\n%\n").utf8, path: path)
    var preparation = CorpusPreparation()
    preparation.separator = "%"
    preparation.shardTokens = 1000
    preparation.validation = .documents(validationDocuments)
    _ = try preparation.run(
      paths: [path], tokenizerPath: tokenizerPath, output: folder.path + "/" + name,
      pool: ThreadPool(threadCount: 1))
  }
}
