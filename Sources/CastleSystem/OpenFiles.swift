import Foundation

/// How many files and connections this process may have open.
package enum OpenFiles {
  /// Raises the limit as far as the system lets this process, and returns it.
  package static func raiseLimit() -> Int {
    var limit = rlimit()
    #if os(Linux)
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let kind = RLIMIT_NOFILE
    #endif
    guard getrlimit(kind, &limit) == 0 else { return 256 }
    let most = min(limit.rlim_max, 1 << 16)
    if limit.rlim_cur < most {
      var raised = limit
      raised.rlim_cur = most
      if setrlimit(kind, &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
