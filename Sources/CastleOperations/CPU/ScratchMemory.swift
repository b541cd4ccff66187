import CastleTensors
import Synchronization

/// Memory for what an operation needs on its way, kept from call to call so that a call allocates nothing.
///
/// Calls must not overlap: the second one traps.
final class ScratchMemory {
  private var buffer = Buffer.host(byteCount: 0)
  private let inUse = Atomic<Bool>(false)

  /// Calls `body` with room for `count` elements without a value.
  func withMemory<Element, Result>(
    for count: Int, of type: Element.Type, _ body: (UnsafeMutablePointer<Element>) -> Result
  ) -> Result {
    let claimed = inUse.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    precondition(claimed, "two operations of one backend run at the same time")
    defer { inUse.store(false, ordering: .releasing) }
    let byteCount = count * MemoryLayout<Element>.stride
    if buffer.byteCount < byteCount {
      buffer = Buffer.host(byteCount: byteCount)
    } else {
      Scratch.poison(buffer.address, byteCount: buffer.byteCount)
    }
    return body(buffer.address.assumingMemoryBound(to: Element.self))
  }
}
