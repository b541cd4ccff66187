import CastleTensors

/// Memory for what an operation needs on its way, kept from call to call so that a call allocates nothing.
final class ScratchMemory: @unchecked Sendable {
  private var buffer = Buffer.host(byteCount: 0)

  /// Room for `count` floats without a value, until the next call.
  func floats(_ count: Int) -> UnsafeMutablePointer<Float> { reserve(count, of: Float.self) }

  /// Room for `count` doubles without a value, until the next call.
  func doubles(_ count: Int) -> UnsafeMutablePointer<Double> { reserve(count, of: Double.self) }

  private func reserve<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
    let byteCount = count * MemoryLayout<Element>.stride
    if buffer.byteCount < byteCount {
      buffer = Buffer.host(byteCount: byteCount)
    } else {
      Scratch.poison(buffer.address, byteCount: buffer.byteCount)
    }
    return buffer.address.assumingMemoryBound(to: Element.self)
  }
}
