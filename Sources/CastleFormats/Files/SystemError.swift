import Foundation

/// What the operating system says about its last failure.
enum SystemError {
  static var last: String { String(cString: strerror(errno)) }
}
