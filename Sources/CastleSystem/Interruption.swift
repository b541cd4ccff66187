import Foundation
import Synchronization

/// Ctrl-C, termination and the end of the terminal as a request that work ends at the next good place.
///
/// A second request ends the process at once, except where the terminal is gone: that may be told more than once.
public enum Interruption {
  private static let requests = Atomic<Int>(0)

  /// Whether someone asked to end.
  public static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

  /// From now on SIGINT, SIGTERM and SIGHUP are requests, also where the process was started with them blocked. SIGHUP stays
  /// ignored where it was, as under `nohup`.
  public static func listen() {
    _ = isRequested
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = signal(number) { number in Interruption.request(signal: number) }
      if number == SIGHUP && isIgnoring(before) { signal(number, SIG_IGN) }
      sigaddset(&signals, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Functions cannot be compared, their addresses can.
  private static func isIgnoring(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func request(signal number: Int32) {
    let isFirst = requests.add(1, ordering: .relaxed).oldValue == 0
    if !isFirst && number != SIGHUP { _exit(128 + number) }
  }
}
