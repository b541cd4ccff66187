import CastleFormats
import CastleModel
import CastleSystem

/// Takes memory for scoring only where it is free.
enum ScoringMemory {
  /// A pass for batches of `tokenCapacity` tokens in documents of at most `longest`.
  ///
  /// - Parameter message: The error's text, from "…, but only … are free" as the end of its first part.
  /// - Throws: ``InputError`` if `longest` is more than the model reads, or the memory is not free.
  static func makePass(
    _ model: LanguageModel, tokenCapacity: Int, longest: Int, message: (_ need: String) -> String
  ) throws -> ScoringPass {
    let bytes = ScoringPass.byteCount(model.configuration, tokenCapacity: tokenCapacity, longest: longest)
    if let available = ProcessMemory.available, bytes > available {
      let free = NumberFormat.bytes(available)
      throw InputError(message("\(NumberFormat.bytes(bytes)), but only \(free) are free"))
    }
    return try ScoringPass(model, tokenCapacity: tokenCapacity, longest: longest)
  }
}
