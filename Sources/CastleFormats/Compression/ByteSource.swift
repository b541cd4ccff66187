/// Bytes that come front to back.
package protocol ByteSource: AnyObject {
  /// Fills `room` from its start; returns how many bytes there are now, fewer than it holds only at the end.
  ///
  /// - Throws: ``InputError`` if the bytes cannot be read or are damaged.
  func read(into room: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ByteSource {
  /// The next `count` bytes, fewer only at the end.
  package func read(_ count: Int) throws -> [UInt8] {
    guard count > 0 else { return [] }
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { room, filled in
      filled = try read(into: UnsafeMutableRawBufferPointer(room))
    }
    // The room of short ends is not kept: many small files would hold much of it.
    return bytes.count < count / 2 ? bytes.withUnsafeBufferPointer { Array($0) } : bytes
  }
}

/// Bytes that are in memory.
package final class MemorySource: ByteSource {
  private var rest: ArraySlice<UInt8>

  /// A source of `bytes`.
  package init(_ bytes: [UInt8]) { rest = bytes[...] }

  package func read(into room: UnsafeMutableRawBufferPointer) -> Int {
    let some = rest.prefix(room.count)
    room.copyBytes(from: some)
    rest = rest.dropFirst(some.count)
    return some.count
  }
}
