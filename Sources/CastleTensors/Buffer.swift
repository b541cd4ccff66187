/// A block of device memory.
///
/// Only the backend that made a buffer knows what ``address`` means; model, training and generation code pass
/// buffers on without looking inside.
public final class Buffer: @unchecked Sendable {
  /// The size of the block in bytes.
  public let byteCount: Int

  /// Where the block is, in the address space of the backend that made it.
  public let address: UnsafeMutableRawPointer

  private let release: (UnsafeMutableRawPointer) -> Void

  /// Wraps `byteCount` bytes at `address`; `release` is called once, when the last view is gone.
  public init(
    address: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    self.address = address
    self.byteCount = byteCount
    self.release = release
  }

  deinit { release(address) }
}

extension Buffer {
  /// Cache lines and the widest vectors are 64 bytes: rows that start on such a boundary never straddle two.
  public static let alignment = 64

  /// Host memory of `byteCount` bytes without a value, aligned to ``alignment``.
  public static func host(byteCount: Int) -> Buffer {
    let address = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: alignment)
    Scratch.poison(address, byteCount: byteCount)
    return Buffer(address: address, byteCount: byteCount) { $0.deallocate() }
  }
}
