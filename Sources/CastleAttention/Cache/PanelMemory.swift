import CastleTensors

/// Memory of one panel that caches may share until one of them writes.
final class PanelMemory {
  private let buffer: Buffer
  let base: UnsafeMutablePointer<Float>

  var byteCount: Int { buffer.byteCount }

  /// `count` floats, zero at first: columns that hold no token yet take part in products.
  init(count: Int) {
    buffer = Buffer.host(byteCount: count * MemoryLayout<Float>.stride)
    base = buffer.address.assumingMemoryBound(to: Float.self)
    base.update(repeating: 0, count: count)
  }

  init(copying other: PanelMemory) {
    buffer = Buffer.host(byteCount: other.byteCount)
    base = buffer.address.assumingMemoryBound(to: Float.self)
    buffer.address.copyMemory(from: other.base, byteCount: other.byteCount)
  }

  /// Makes `memory` safe to write: the caller's alone.
  static func makeUnique(_ memory: inout PanelMemory?) {
    if !isKnownUniquelyReferenced(&memory), let shared = memory { memory = PanelMemory(copying: shared) }
  }
}
