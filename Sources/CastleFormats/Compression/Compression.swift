/// A way to compress files that can be read.
package enum Compression: Sendable, Hashable {
  case gzip, zstd

  /// The compression of a file of that kind; nil if it is none that can be read.
  package init?(_ kind: FileKind?) {
    switch kind {
    case .gzip: self = .gzip
    case .zstd: self = .zstd
    default: return nil
    }
  }

  /// The endings of the names of compressed files.
  package static let endings = ["gz", "gzip", "zst", "zstd"]

  /// The bytes of compressed ones, which errors call `name`.
  ///
  /// - Throws: ``InputError`` if this build cannot read them.
  package func decompressed(_ source: any ByteSource, name: String) throws -> any ByteSource {
    switch self {
    case .gzip: return GzipSource(source, name: name)
    case .zstd:
      #if canImport(CZstd)
        return ZstdSource(source, name: name)
      #else
        throw InputError("\(name) is zstd-compressed: pipe its text in (zstd -dc FILE | castle … -)")
      #endif
    }
  }
}
