/// Recognises what a download that went wrong leaves under the name of a file.
package enum DownloadedFile {
  /// Throws an ``InputError`` that says what it is if the bytes of the file at `path` are a Git LFS pointer or an HTML
  /// page.
  package static func check(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    let start = String(decoding: bytes.prefix(64), as: UTF8.self).lowercased()
    if start.hasPrefix("version https://git-lfs") {
      throw InputError("\(path) is a Git LFS pointer, not the file itself: fetch it with git lfs pull")
    }
    let text = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") {
      throw InputError("\(path) is an HTML page, not the file itself: download it again")
    }
  }
}
