import CastleFormats
public import CastleText
import Foundation

/// Equal windows on the tokens of some shards.
///
/// Window w of a shard holds `length` tokens from place w · `length` on, and their successors as targets. The windows
/// of all shards are numbered through. Tokens at the end of a shard that fill no window are left out.
public final class TokenWindows: @unchecked Sendable {
  /// The shards, in order.
  public let shards: [TokenShard]
  /// The number of tokens of a window.
  public let length: Int
  /// The number of windows.
  public let count: Int

  private let firstWindows: [Int]
  private let states: [FileState]

  /// Windows of `length` tokens on `shards`.
  ///
  /// - Throws: ``InputError`` if there is not a single window.
  public init(shards: [TokenShard], length: Int) throws {
    precondition(length > 0)
    self.shards = shards
    self.length = length
    var total = 0
    firstWindows = shards.map { shard in
      defer { total += max(0, shard.tokenCount - 1) / length }
      return total
    }
    count = total
    guard count > 0 else {
      let tokens = shards.reduce(0) { $0 + $1.tokenCount }
      throw InputError(
        "the text has \(tokens) tokens, too few for a window of \(length) and its successor; "
          + "set training.length lower or prepare more text")
    }
    states = try shards.map { try FileState(path: $0.path) }
  }

  /// Copies the tokens of a window and, one place on, their successors.
  ///
  /// - Throws: ``TextChanged`` if the shard has been changed since it was opened.
  public func copy(
    window: Int, tokens: UnsafeMutablePointer<Int32>, targets: UnsafeMutablePointer<Int32>
  ) throws {
    precondition(window >= 0 && window < count)
    let index = firstWindows.lastIndex { $0 <= window }!
    try states[index].checkUnchanged()
    let start = (window - firstWindows[index]) * length
    shards[index].copyTokens(start..<start + length, to: tokens)
    shards[index].copyTokens(start + 1..<start + length + 1, to: targets)
  }
}

/// A shard is no longer what it was when training began.
public struct TextChanged: Error, Hashable, CustomStringConvertible {
  /// Which file, and what happened to it.
  public let description: String
}

/// What tells whether a file has been replaced or written to.
private struct FileState {
  let path: String
  private let size: Int
  private let modified: timespec

  init(path: String) throws {
    self.path = path
    (size, modified) = try Self.read(path)
  }

  func checkUnchanged() throws {
    let (size, modified) = try Self.read(path)
    guard size == self.size, modified.tv_sec == self.modified.tv_sec,
      modified.tv_nsec == self.modified.tv_nsec
    else {
      throw TextChanged(description: "\(path) has changed since training began")
    }
  }

  private static func read(_ path: String) throws -> (Int, timespec) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw TextChanged(
        description: "\(path) cannot be read any more: \(String(cString: strerror(errno)))")
    }
    #if canImport(Darwin)
      return (Int(status.st_size), status.st_mtimespec)
    #else
      return (Int(status.st_size), status.st_mtim)
    #endif
  }
}
