import Dispatch
import Synchronization

/// Writes a line for each request, beside the work: a reader that is slow or gone costs lines, not answers.
package final class AccessLog: Sendable {
  private let queue = DispatchQueue(label: "castle.access-log")
  private let waiting = Mutex(0)
  private let write: @Sendable ([UInt8]) -> Void

  /// The most lines that wait to be written; more are dropped.
  private static let mostWaiting = 10_000

  /// A log whose lines `write` takes, one at a time.
  package init(write: @escaping @Sendable ([UInt8]) -> Void) {
    self.write = write
  }

  /// Adds a line.
  func append(_ line: [UInt8]) {
    let hasRoom = waiting.withLock { waiting in
      guard waiting < Self.mostWaiting else { return false }
      waiting += 1
      return true
    }
    guard hasRoom else { return }
    queue.async { [self] in
      write(line)
      waiting.withLock { $0 -= 1 }
    }
  }
}
