import ArgumentParser

/// The seed of random numbers on the command line.
enum Seed {
  /// The seed that `text` spells.
  static func parse(_ text: String) throws -> UInt64 {
    guard let seed = UInt64(text) else {
      throw ValidationError("a seed is a whole number from 0 to \(UInt64.max)")
    }
    return seed
  }
}
