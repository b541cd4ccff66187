import CastleFormats
import CastleModel
import CastleSystem

/// Takes memory for scoring only where it is free.
enum ScoringMemory {
  /// A pass for batches of `tokenCapacity` tokens in documents of at most `longest`.
  ///
  /// - Parameter error: The error, of which `need` is "…, but only … are free", how the problem ends.
  /// - Throws: ``InputError`` if `longest` is more than the model reads, or the memory is not free.
  static func makePass(
    _ model: LanguageModel, tokenCapacity: Int, longest: Int, error: (_ need: String) -> InputError
  ) throws -> ScoringPass {
    let bytes = ScoringPass.byteCount(model.configuration, tokenCapacity: tokenCapacity, longest: longest)
    if let available = ProcessMemory.available, bytes > available {
      let free = NumberFormat.bytes(available)
      throw error("\(NumberFormat.bytes(bytes)), but only \(free) are free")
    }
    return try ScoringPass(model, tokenCapacity: tokenCapacity, longest: longest)
  }
}
