/// Recognizes what a download that went wrong leaves under the name of a file.
package enum DownloadedFile {
  /// Throws an ``InputError`` that says what it is if the bytes of the file at `path` are a Git LFS pointer
  /// or an HTML page.
  package static func check(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    switch FileKind(firstBytes: bytes.prefix(FileKind.prefixLength)) {
    case .gitLFSPointer:
      throw InputError("\(path) is a Git LFS pointer, not the file itself: fetch it with git lfs pull")
    case .html: throw InputError("\(path) is an HTML page, not the file itself: download it again")
    default: break
    }
  }
}
