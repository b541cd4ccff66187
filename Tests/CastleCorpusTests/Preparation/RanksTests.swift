import CastleCluster
import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTensors
import Foundation
import Testing

/// Corpora that several ranks prepare, here threads of one process.
@Suite struct RanksTests {
  private let small: PreparationFolder

  init() throws { small = try PreparationFolder() }

  /// Prepares as `ranks` ranks; ranks of odd numbers have two threads.
  private func prepare(
    _ input: CorpusInput, ranks: Int,
    _ change: @escaping @Sendable (inout CorpusPreparation) -> Void = { _ in },
    isInterrupted: @escaping @Sendable (_ rank: Int) -> Bool = { _ in false }
  ) throws {
    let output = small.folder.path("out")
    _ = try ThreadCommunicator.run(ranks: ranks) { communicator in
      var preparation = CorpusPreparation()
      preparation.replacesOutput = true
      change(&preparation)
      let rank = communicator.world.rank
      let pool = ThreadPool(threadCount: 1 + rank % 2)
      if communicator.world.isMain {
        _ = try preparation.run(
          input, tokenizerPath: Golden.path("tokenizer.json"), output: output, pool: pool,
          communicator: communicator)
      } else {
        try preparation.assist(
          tokenizerPath: Golden.path("tokenizer.json"), textKey: input.textKey, pool: pool,
          communicator: communicator
        ) { isInterrupted(rank) }
      }
      return true
    }
  }

  /// JSON lines with equal, empty and damaged documents, and a text with separators: several rounds of two
  /// ranks.
  private func corpus() throws -> CorpusInput {
    var lines: [String] = []
    for number in 0..<30_000 {
      let text = String(repeating: "Line \(number % 997) of the old text. ", count: number % 11)
      lines.append(JSONValue.object(["text": .string(text), "number": .integer(number)]).text + "\n")
    }
    let stories = (0..<3_000).map { "Story \($0 % 500)\nIt was told \($0) times, é.\n***\n" }.joined()
    try small.folder.write(lines.joined(), to: "text/lines.jsonl")
    try small.folder.write(Array(stories.utf8) + [0xFF, 0x0A] + Array(stories.utf8), to: "text/stories.txt")
    return CorpusInput([small.folder.path("text")])
  }

  @Test func anyNumberOfRanksMakesTheSameBytes() throws {
    let input = try corpus()
    let change: @Sendable (inout CorpusPreparation) -> Void = {
      $0.separator = "***"
      $0.shardTokens = 300_000
    }
    _ = try small.prepare(input) {
      change(&$0)
      $0.validation = .fraction(0.01)
    }
    let alone = try small.output()
    #expect(alone.count > 5)
    for ranks in 1...3 {
      try prepare(input, ranks: ranks, change)
      #expect(try small.output() == alone, "\(ranks) ranks")
    }
    // Without validation nothing reads the text before, so that hashes are made by whoever makes the tokens.
    let plain: @Sendable (inout CorpusPreparation) -> Void = { $0.validation = .documents(0) }
    _ = try small.prepare(input)
    let one = try small.output()
    try prepare(input, ranks: 3, plain)
    #expect(try small.output() == one)
  }

  @Test func anErrorInTheTextIsThatOfOneProcess() throws {
    let good = (0..<6_000).map { "{\"text\": \"Number \($0) is good.\"}\n" }
    let file = try small.folder.write(
      (good[..<5_000] + ["{\"text\": 5}\n", "{\"no\": \"text\"}\n"] + good[5_000...]).joined(),
      to: "bad.jsonl")
    let alone = small.refusal(CorpusInput([file]))
    #expect(alone.contains("bad.jsonl, line 5001"))
    for ranks in 2...3 {
      let error = try #require(throws: InputError.self) {
        try prepare(CorpusInput([file]), ranks: ranks, { $0.validation = .documents(0) })
      }
      #expect(error.description == alone)
    }
    #expect(try small.folder.names() == ["bad.jsonl"])
  }

  @Test func aHelperThatIsAskedToEndEndsAll() throws {
    let error = try #require(throws: RankFailure.self) {
      try prepare(corpus(), ranks: 3, isInterrupted: { $0 == 2 })
    }
    #expect(error.description == "rank 2 on thread 2: interrupted; nothing was written")
    #expect(try small.folder.names() == ["text"])
  }

  @Test func whatIsWrongBeforeTheTextIsReadIsToldByTheMainRank() throws {
    let error = try #require(throws: RankFailure.self) {
      try prepare(CorpusInput([small.folder.path("nothing")]), ranks: 2, { $0.shardTokens = 0 })
    }
    #expect(error.description.contains("rank 0 on thread 0: shards of 0 tokens"))
  }
}
