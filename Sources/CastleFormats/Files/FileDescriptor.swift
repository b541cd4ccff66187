import Foundation

/// An open file, closed with the last reference.
package final class FileDescriptor: Sendable {
  /// The system's number.
  package let number: Int32
  private let isOwned: Bool

  /// Opens the file at `path` for reading.
  ///
  /// - Throws: ``InputError`` if that is not possible.
  package init(reading path: String) throws {
    number = FilePath.open(path, O_RDONLY)
    isOwned = true
    guard number >= 0 else { throw SystemError.error("read", path: FilePath.shown(path)) }
  }

  private init(_ number: Int32, isOwned: Bool) {
    self.number = number
    self.isOwned = isOwned
  }

  /// Standard input, which stays open.
  package static let standardInput = FileDescriptor(STDIN_FILENO, isOwned: false)

  /// An empty file for reading and writing in the folder of `path`; it has no name and is gone once it is
  /// closed.
  ///
  /// - Throws: ``InputError`` if it cannot be made.
  package static func temporary(beside path: String) throws -> FileDescriptor {
    try AtomicFolder.makeFolder(AtomicFile.folder(of: path))
    let name = AtomicFile.temporaryName(beside: path)
    let number = FilePath.open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard number >= 0 else { throw SystemError.error("write", path: name) }
    try? FilePath.remove(name)
    return FileDescriptor(number, isOwned: true)
  }

  deinit { if isOwned, number >= 0 { close(number) } }

  /// Appends `bytes` to a file that was opened for writing.
  ///
  /// - Throws: ``InputError``, which calls the file `name`, if the disk does not take them.
  package func write(_ bytes: [UInt8], name: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(number, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError.error("write", path: name) }
      rest = rest.dropFirst(count)
    }
  }
}

/// The bytes of an open file, read at the places that are asked for or, from pipes, as they come.
package final class FileSource: ByteSource {
  /// The number of bytes that have been read.
  package private(set) var byteCount = 0

  private let file: FileDescriptor
  private let name: String
  private let prefix: [UInt8]
  private let range: Range<Int>?

  /// The bytes of a regular file at `range`.
  ///
  /// - Parameter name: What errors call the file.
  package init(_ file: FileDescriptor, range: Range<Int>, name: String) {
    self.file = file
    self.range = range
    self.name = name
    prefix = []
  }

  /// What comes out of a pipe, after `prefix`, which has been read before.
  package init(pipe: FileDescriptor, prefix: [UInt8] = [], name: String) {
    file = pipe
    range = nil
    self.name = name
    self.prefix = prefix
  }

  /// The number of bytes that are left; nil if only reading shows it.
  package var remaining: Int? { range.map { $0.count - byteCount } }

  /// - Throws: ``InputError`` if the file cannot be read or became shorter.
  package func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    if byteCount < prefix.count {
      let some = prefix[byteCount...].prefix(room.count)
      room.copyBytes(from: some)
      done = some.count
    }
    let wanted = min(room.count, remaining ?? room.count)
    while done < wanted {
      let address = room.baseAddress! + done
      let got =
        range.map { pread(file.number, address, wanted - done, off_t($0.lowerBound + byteCount + done)) }
        ?? Foundation.read(file.number, address, wanted - done)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw SystemError.error("read", path: name) }
      if got == 0 {
        guard range == nil else { throw InputError("\(name) became shorter while it was read; try again") }
        break
      }
      done += got
    }
    byteCount += done
    return done
  }
}
