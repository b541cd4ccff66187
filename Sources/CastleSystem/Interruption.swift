import Foundation
import Synchronization

/// Ctrl-C, termination and the end of the terminal as a request that work ends at the next good place.
///
/// Terminals, `make` and containers often signal a whole group of processes, and then each process of it once
/// more: further signals change nothing. Only Ctrl-C (SIGINT) more than a second after the first signal ends
/// the process at once.
public enum Interruption {
  /// When the first signal came, in nanoseconds of the monotonic clock; 0 before.
  private static let firstTime = Atomic<UInt64>(0)

  /// For how many nanoseconds after the first signal further ones are taken for the same.
  private static let repeatTime: UInt64 = 1_000_000_000

  /// Whether someone asked to end.
  public static var isRequested: Bool { firstTime.load(ordering: .relaxed) > 0 }

  /// From now on SIGINT, SIGTERM and SIGHUP are requests, also where the process was started with them
  /// blocked. SIGHUP stays ignored where it was, as under `nohup`.
  public static func listen() {
    // What the handler reads must be there before it runs.
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

  /// Runs as a signal handler: it may do no more than read the clock, store and end the process.
  private static func request(signal number: Int32) {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec) + 1
    let (isFirst, first) = firstTime.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    if !isFirst, number == SIGINT, now - first > repeatTime { _exit(128 + number) }
  }
}
