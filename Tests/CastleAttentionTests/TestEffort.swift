import Foundation

/// How much the tests of attention do. `CASTLE_SMALL_TESTS` makes problems fewer and shorter, for builds that
/// are a hundred times slower; they still have several blocks, panels, heads, documents and threads.
enum TestEffort {
  static let isSmall = ProcessInfo.processInfo.environment["CASTLE_SMALL_TESTS"] != nil

  static func choose<Value>(_ normal: Value, small: Value) -> Value { isSmall ? small : normal }
}
