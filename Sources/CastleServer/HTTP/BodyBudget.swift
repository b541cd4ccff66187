import Synchronization

/// Bounds the memory of all bodies that are being read.
final class BodyBudget: Sendable {
  private let limit: Int
  private let taken = Mutex(0)

  init(limit: Int) {
    self.limit = limit
  }

  /// Takes `count` bytes; false if there are not as many left.
  func take(_ count: Int) -> Bool {
    taken.withLock { taken in
      guard count <= limit - taken else { return false }
      taken += count
      return true
    }
  }

  /// Gives bytes back.
  func give(_ count: Int) {
    taken.withLock { $0 -= count }
  }
}
