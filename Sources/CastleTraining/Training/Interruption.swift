import Foundation
import Synchronization

/// Ctrl-C and termination as a request that work ends at the next good place.
///
/// A second request ends the process at once.
public enum Interruption {
  private static let requests = Atomic<Int>(0)

  /// Whether someone asked to end.
  public static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

  /// From now on SIGINT and SIGTERM are requests, also where the process was started with them blocked.
  public static func listen() {
    _ = isRequested
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in Interruption.request(signal: number) }
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static func request(signal number: Int32) {
    if requests.add(1, ordering: .relaxed).oldValue > 0 { _exit(128 + number) }
  }
}
