import CastleAttention
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

  /// An evaluator that runs through `pass`, which has room for `batch` sequences of `length` tokens.
  public init(_ pass: ScoringPass, batch: Int, length: Int, separator: Int32?) {
    self.pass = pass
    self.batch = batch
    self.length = length
    self.separator = separator
  }

  /// An evaluator in the memory of a training pass, which was made for `batch` sequences of `length` tokens.
  public convenience init(_ pass: TrainingPass, batch: Int, length: Int, separator: Int32?) {
    self.init(ScoringPass(sharing: pass), batch: batch, length: length, separator: separator)
  }

  /// An evaluator with a pass of its own.
  ///
  /// - Throws: ``InputError`` if `length` is more than the model reads, or the memory is not free.
  public convenience init(_ model: LanguageModel, batch: Int, length: Int, separator: Int32?) throws {
    let pass = try ScoringMemory.makePass(model, tokenCapacity: batch * length, longest: length) {
      InputError(
        problem: "\(batch) sequences of \(length) tokens need \($0)",
        remedy: "lower \(.batchSize) or \(.sequenceLength)")
    }
    self.init(pass, batch: batch, length: length, separator: separator)
  }

  /// Measures on `text`. `progress` gets the share that is done before each batch, and ends the work by
  /// returning false; the result is then nil.
  ///
  /// - Throws: ``InputError`` if the text has fewer than two tokens, an id outside the vocabulary, or the
  ///   loss is not finite.
  public func evaluate(
    _ text: EvaluationText, progress: (_ share: Double) -> Bool = { _ in true }
  ) throws -> EvaluationResult? {
    try text.checkLength()
    let predicted = text.tokenCount - 1
    var sum = 0.0
    var bytes = 0
    for start in stride(from: 0, to: predicted, by: batch * length) {
      guard progress(Double(start) / Double(predicted)) else { return nil }
      let end = min(start + batch * length, predicted)
      let piece = try text.tokens(start..<end + 1)
      sum += try loss(piece, name: text.name)
      bytes += text.byteCounts?.sum(piece.dropFirst()) ?? 0
    }
    let loss = sum / Double(predicted)
    guard loss.isFinite else {
      throw InputError("the model's loss on \(text.name) is \(loss): its weights are damaged")
    }
    return EvaluationResult(
      loss: loss, tokens: predicted,
      bitsPerByte: bytes > 0 ? sum / (log(2) * Double(bytes)) : nil)
  }

  /// The summed loss of all but the first of `piece`.
  private func loss(_ piece: [Int32], name: String) throws -> Double {
    let inputs = Array(piece.dropLast())
    var documents: [Range<Int>] = []
    DocumentRanges.find(in: inputs, length: length, separator: separator, into: &documents)
    do {
      return try pass.loss(tokens: inputs, targets: Array(piece.dropFirst()), documents: Documents(documents))
    } catch let error as InputError {
      var error = error.within("\(name)")
      error.remedy = "prepare it with the tokenizer of the model"
      throw error
    }
  }
}
