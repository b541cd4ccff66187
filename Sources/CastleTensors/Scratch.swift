import Synchronization

/// How memory that has no value yet is treated.
package enum Scratch {
  private static let poisoned = Atomic<Bool>(false)

  /// When true, every new buffer is filled with NaN, so that a read of memory that was never written shows.
  ///
  /// Tests switch it on. It costs one pass over each new buffer.
  package static var isPoisoned: Bool {
    get { poisoned.load(ordering: .relaxed) }
    set { poisoned.store(newValue, ordering: .relaxed) }
  }

  /// Fills `byteCount` bytes at `address` with the all-ones pattern, a NaN in every floating-point format.
  package static func poison(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    guard isPoisoned else { return }
    address.initializeMemory(as: UInt8.self, repeating: 0xff, count: byteCount)
  }
}
