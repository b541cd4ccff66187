import Foundation

/// What the operating system says about the call that just failed.
package enum SystemError {
  /// The text of `errno`, such as "No such file or directory".
  package static var text: String {
    String(cString: strerror(errno))
  }

  /// An error for a file, with what to do when the cause is a full disk.
  package static func error(_ action: String, path: String) -> InputError {
    let remedy = errno == ENOSPC ? "; free some space and try again" : ""
    return InputError("cannot \(action) \(path): \(text)\(remedy)")
  }
}
