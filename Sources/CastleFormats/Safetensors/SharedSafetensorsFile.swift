import Foundation

/// A new safetensors file of known size, whose elements several writers fill in any order, each its own:
/// threads, processes, processes of several hosts.
///
/// It has its name from the beginning, so it belongs into a folder that appears when all is done.
package final class SharedSafetensorsFile {
  private let descriptor: Int32
  private let path: String
  private let starts: [Int]
  private let tensors: [SafetensorsWriter.Declaration]

  /// Makes the file with its header, or with `isNew` false opens the one that another writer has made of the
  /// same `tensors`. Traps if two of them have one name.
  ///
  /// - Throws: ``InputError`` if that is not possible.
  package init(path: String, tensors: [SafetensorsWriter.Declaration], isNew: Bool) throws {
    precondition(Set(tensors.map { Array($0.name.utf8) }).count == tensors.count, "two tensors of one name")
    self.path = path
    self.tensors = tensors
    let header = SafetensorsWriter.header(tensors, metadata: [:])
    var end = MemoryLayout<UInt64>.size + header.count
    starts = tensors.map { tensor in
      defer { end += tensor.byteCount }
      return end
    }
    descriptor = FilePath.open(path, O_WRONLY | (isNew ? O_CREAT | O_EXCL : 0))
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
    guard isNew else { return }
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try (length + header).withUnsafeBytes { try write($0, at: 0) }
    guard ftruncate(descriptor, off_t(end)) == 0 else { throw SystemError.error("write", path: path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes elements of a tensor from `start` on. Traps if it has not as many, or is not of single precision.
  package func write(_ elements: UnsafeBufferPointer<Float>, tensor index: Int, from start: Int) throws {
    let tensor = tensors[index]
    let size = MemoryLayout<Float>.size
    precondition(tensor.type == .f32 && start >= 0 && (start + elements.count) * size <= tensor.byteCount)
    try write(UnsafeRawBufferPointer(elements), at: starts[index] + start * size)
  }

  /// Brings what this writer has written to the disk.
  package func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw SystemError.error("write", path: path) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(place + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError.error("write", path: path) }
      done += count
    }
  }
}
