import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTensors
import CastleTokenizer
import Testing

struct TokenizerTrainerTests {
  private func train(_ paths: [String], size: Int, threads: Int = 2) throws -> Tokenizer {
    var trainer = TokenizerTrainer()
    trainer.vocabularySize = size
    return try trainer.train(paths: paths, pool: ThreadPool(threadCount: threads))
  }

  @Test(arguments: [1, 2, 3]) func theMergesAreThoseOfPython(_ threads: Int) throws {
    let golden = try TokenizerFile.read(path: Golden.path("trained.json"))
    let trained = try train([Golden.path("training.txt")], size: 700, threads: threads)
    #expect(trained.mergeList == golden.mergeList)
    #expect(trained.vocabularySize == 700)
    for id in Int32(0)..<700 { #expect(trained.bytes(of: id) == golden.bytes(of: id)) }
    #expect(trained.addedTokens == golden.addedTokens)
  }

  @Test func equallyFrequentPairsAreTakenInOrder() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("dc dc ba ba", to: "text.txt")
    let trained = try train([path], size: 259)
    #expect(
      trained.mergeList.map { Array(trained.bytes(of: $0.merged)) } == [Array("ba".utf8), Array("dc".utf8)])
  }

  @Test func aTextBeginsWithTheEndOfTextToken() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abab abab", to: "text.txt")
    #expect(try train([path], size: 259).template == TextTemplate(before: [0]))
    var trainer = TokenizerTrainer()
    trainer.vocabularySize = 259
    trainer.specialTokens = ["<|x|>", "<|endoftext|>"]
    let pool = ThreadPool(threadCount: 1)
    #expect(try trainer.train(paths: [path], pool: pool).template == TextTemplate(before: [1]))
    trainer.specialTokens = ["<|x|>"]
    #expect(try trainer.train(paths: [path], pool: pool).template.isEmpty)
  }

  @Test func aSmallTextGivesFewerTokens() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abab", to: "text.txt")
    #expect(try train([path], size: 300).vocabularySize == 258)
  }

  @Test func impossibleSizesAndMissingTextAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abab", to: "text.txt")
    for size in [-1, 0, 257, 1 << 30] {
      let error = try #require(throws: InputError.self) { try train([path], size: size) }
      #expect(error.description.contains("\(size)"))
    }
    #expect(throws: InputError.self) { try train([folder.path("none")], size: 300) }
  }

  @Test(arguments: [["", "<|x|>"], ["ab"], ["é"], ["Ġab"], ["<|x|>", "<|x|>"]])
  func specialTokensThatTextCouldHaveAreRefused(_ tokens: [String]) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abab abab", to: "text.txt")
    var trainer = TokenizerTrainer()
    trainer.specialTokens = tokens
    let error = try #require(throws: InputError.self) {
      try trainer.train(paths: [path], pool: ThreadPool(threadCount: 1))
    }
    #expect(error.description.contains("special token"))
  }
}
