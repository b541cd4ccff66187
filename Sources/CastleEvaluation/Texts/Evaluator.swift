import CastleAttention
public import CastleCluster
import CastleCorpus
import CastleFormats
public import CastleModel
import Foundation

/// Measures how well a model predicts a text.
///
/// The text is cut into sequences that follow each other; every token but the first is predicted once, from
/// the tokens of its sequence (and of its document, if documents are separated).
public final class Evaluator {
  private let pass: ScoringPass
  private let batch: Int
  private let length: Int
  private let separator: Int32?
  private let ranks: RankGroups

  /// An evaluator that runs through `pass`, which has room for `batch` sequences of `length` tokens.
  /// The ranks of `communicator` share the sequences of a text.
  public convenience init(
    _ pass: ScoringPass, batch: Int, length: Int, separator: Int32?,
    communicator: any Communicator = SingleProcess()
  ) {
    self.init(
      pass, batch: batch, length: length, separator: separator, ranks: RankGroups(alone: communicator))
  }

  /// An evaluator in the memory of a training pass, which was made for `batch` sequences of `length` tokens.
  public convenience init(
    _ pass: TrainingPass, batch: Int, length: Int, separator: Int32?,
    communicator: any Communicator = SingleProcess()
  ) {
    self.init(
      ScoringPass(sharing: pass), batch: batch, length: length, separator: separator,
      communicator: communicator)
  }

  /// An evaluator whose work groups of ranks share: each group has some sequences of a text, and its ranks
  /// share the tokens of `pass`.
  package init(_ pass: ScoringPass, batch: Int, length: Int, separator: Int32?, ranks: RankGroups) {
    self.pass = pass
    self.batch = batch
    self.length = length
    self.separator = separator
    self.ranks = ranks
  }

  /// An evaluator with a pass of its own. The ranks of `communicator` share the sequences of a text.
  ///
  /// - Throws: ``InputError`` if `length` is more than the model reads, or the memory is not free.
  public convenience init(
    _ model: LanguageModel, batch: Int, length: Int, separator: Int32?,
    communicator: any Communicator = SingleProcess()
  ) throws {
    let pass = try ScoringMemory.makePass(model, tokenCapacity: batch * length, longest: length) {
      InputError(
        problem: "\(batch) sequences of \(length) tokens need \($0)",
        remedy: "lower \(.batchSize) or \(.sequenceLength)")
    }
    self.init(pass, batch: batch, length: length, separator: separator, communicator: communicator)
  }

  /// Measures on `text`. `progress` gets the share that is done before each batch, and ends the work by
  /// returning false; the result is then nil, on every rank.
  ///
  /// - Throws: ``InputError`` if the text has fewer than two tokens, an id outside the vocabulary, or the
  ///   loss is not finite.
  public func evaluate(
    _ text: EvaluationText, progress: (_ share: Double) -> Bool = { _ in true }
  ) throws -> EvaluationResult? {
    try text.checkLength()
    let predicted = text.tokenCount - 1
    let sequences = ranks.groups.share(of: (predicted + length - 1) / length)
    let share = min(sequences.lowerBound * length, predicted)..<min(sequences.upperBound * length, predicted)
    var own = Sums()
    let all = try ranks.all.together {
      for start in stride(from: share.lowerBound, to: share.upperBound, by: batch * length) {
        let goesOn = progress(Double(start - share.lowerBound) / Double(share.count))
        guard try !ranks.own.isTrueOnAny(!goesOn) else {
          own.isCancelled = true
          break
        }
        let end = min(start + batch * length, share.upperBound)
        let piece = try ranks.own.onEveryRank { try text.tokens(start..<end + 1) }
        let (loss, scored) = try self.loss(piece, name: text.name)
        own.loss += loss
        own.bytes += text.byteCounts?.sum(scored[...]) ?? 0
      }
      return own
    }
    guard !all.contains(where: \.isCancelled) else { return nil }
    let sum = all.dropFirst().reduce(all[0].loss) { $0 + $1.loss }
    let bytes = all.reduce(0) { $0 + $1.bytes }
    let loss = sum / Double(predicted)
    guard loss.isFinite else {
      throw InputError("the model's loss on \(text.name) is \(loss): its weights are damaged")
    }
    return EvaluationResult(
      loss: loss, tokens: predicted,
      bitsPerByte: bytes > 0 ? sum / (log(2) * Double(bytes)) : nil)
  }

  /// What a rank has measured on its share.
  private struct Sums: BitwiseCopyable {
    var loss = 0.0
    var bytes = 0
    var isCancelled = false
  }

  /// The summed loss of all but the first of `piece`, and which these are: of several ranks that share them,
  /// those of this one.
  private func loss(_ piece: [Int32], name: String) throws -> (sum: Double, scored: [Int32]) {
    let (inputs, targets) = (Array(piece.dropLast()), Array(piece.dropFirst()))
    var documents: [Range<Int>] = []
    DocumentRanges.find(in: inputs, length: length, separator: separator, into: &documents)
    let packed = Documents(documents)
    do {
      let sum = try pass.loss(tokens: inputs, targets: targets, documents: packed)
      return (sum, targets.elements(in: pass.ownTokens(of: packed)))
    } catch let error as InputError {
      var error = error.within("\(name)")
      error.remedy = "prepare it with the tokenizer of the model"
      throw error
    }
  }
}
