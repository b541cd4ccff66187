/// What a file is, by its first bytes.
package enum FileKind: Sendable, Hashable, CaseIterable {
  case gzip, zstd, bzip2, xz, lz4, zip, sevenZip, rar, tar
  case parquet, arrow, avro, hdf5, sqlite
  case safetensors, gguf, pickle, numpy, tokenShard
  case pdf, rtf, wordDocument, html, gitLFSPointer
  case png, jpeg, gif, webP, program

  /// How many first bytes are enough to know it.
  package static let prefixLength = 512

  /// The kind of a file that starts with `bytes`; nil if none is recognized, as for text.
  package init?(firstBytes bytes: some Collection<UInt8>) {
    let bytes = Array(bytes.prefix(Self.prefixLength))
    let match = Self.signatures.first { signature in
      bytes.dropFirst(signature.offset).starts(with: signature.bytes)
    }
    if let match {
      self = match.kind
    } else if Self.isSafetensors(bytes) {
      self = .safetensors
    } else if Self.isHTML(bytes) {
      self = .html
    } else if bytes.count > 1, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      self = .pickle
    } else {
      return nil
    }
  }

  /// What such a file is called, with its article.
  package var name: String {
    switch self {
    case .gzip: "gzip-compressed"
    case .zstd: "zstd-compressed"
    case .bzip2: "bzip2-compressed"
    case .xz: "xz-compressed"
    case .lz4: "LZ4-compressed"
    case .zip: "a zip archive (or a document or weights in one)"
    case .sevenZip: "a 7z archive"
    case .rar: "a RAR archive"
    case .tar: "a tar archive"
    case .parquet: "a Parquet table"
    case .arrow: "an Arrow table"
    case .avro: "an Avro table"
    case .hdf5: "an HDF5 file"
    case .sqlite: "an SQLite database"
    case .safetensors: "a safetensors file"
    case .gguf: "a GGUF file"
    case .pickle: "a Python pickle"
    case .numpy: "a NumPy array"
    case .tokenShard: "a token shard"
    case .pdf: "a PDF"
    case .rtf: "an RTF document"
    case .wordDocument: "an old Office document"
    case .html: "an HTML page"
    case .gitLFSPointer: "a Git LFS pointer"
    case .png: "a PNG image"
    case .jpeg: "a JPEG image"
    case .gif: "a GIF image"
    case .webP: "a WebP image"
    case .program: "a program"
    }
  }

  /// Whether the file is text, if not the text that it should be.
  package var isText: Bool { [.html, .gitLFSPointer, .rtf].contains(self) }

  /// What to do where text is wanted.
  package var remedyForText: String {
    switch self {
    case .gzip, .zstd: "it is compressed twice: decompress it once"
    case .bzip2: "pipe its text in (bzip2 -dc FILE | castle … -)"
    case .xz: "pipe its text in (xz -dc FILE | castle … -)"
    case .lz4: "pipe its text in (lz4 -dc FILE | castle … -)"
    case .zip, .sevenZip, .rar, .tar: "unpack it"
    case .parquet, .arrow, .avro, .hdf5, .sqlite:
      "pipe its text in as JSON lines (castle prepare --help shows how)"
    case .tokenShard: "it is prepared already: name its folder as data.shards"
    case .pdf, .rtf, .wordDocument: "save its text as .txt"
    case .html:
      "save its text as .txt, if it is no failed download"
    case .gitLFSPointer: "fetch it with git lfs pull"
    case .safetensors, .gguf, .pickle, .numpy, .png, .jpeg, .gif, .webP, .program: "leave it out"
    }
  }

  private struct Signature {
    let kind: FileKind
    var offset = 0
    let bytes: [UInt8]

    init(_ kind: FileKind, _ bytes: [UInt8], offset: Int = 0) {
      self.kind = kind
      self.bytes = bytes
      self.offset = offset
    }

    init(_ kind: FileKind, _ text: String, offset: Int = 0) {
      self.init(kind, Array(text.utf8), offset: offset)
    }
  }

  private static let signatures: [Signature] = [
    Signature(.gzip, [0x1F, 0x8B, 0x08]),
    Signature(.zstd, [0x28, 0xB5, 0x2F, 0xFD]),
    Signature(.bzip2, Array("1AY&SY".utf8), offset: 4),
    Signature(.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
    Signature(.lz4, [0x04, 0x22, 0x4D, 0x18]),
    Signature(.zip, [0x50, 0x4B, 0x03, 0x04]),
    Signature(.zip, [0x50, 0x4B, 0x05, 0x06]),
    Signature(.sevenZip, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
    Signature(.rar, [0x52, 0x61, 0x72, 0x21, 0x1A, 0x07]),
    Signature(.tar, "ustar", offset: 257),
    Signature(.parquet, "PAR1\u{15}"),
    Signature(.arrow, "ARROW1\0\0"),
    Signature(.arrow, [0xFF, 0xFF, 0xFF, 0xFF]),
    Signature(.avro, "Obj\u{1}"),
    Signature(.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
    Signature(.sqlite, "SQLite format 3\0"),
    Signature(.gguf, "GGUF\u{2}\0\0\0"),
    Signature(.gguf, "GGUF\u{3}\0\0\0"),
    Signature(.numpy, [0x93] + Array("NUMPY".utf8)),
    // The magic numbers of llm.c, 20240520 and 20240801, with their versions.
    Signature(.tokenShard, [0x88, 0xD8, 0x34, 0x01, 0x01, 0, 0, 0]),
    Signature(.tokenShard, [0xA1, 0xD9, 0x34, 0x01, 0x07, 0, 0, 0]),
    Signature(.pdf, "%PDF-"),
    Signature(.rtf, "{\\rtf"),
    Signature(.wordDocument, [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]),
    Signature(.gitLFSPointer, "version https://git-lfs.github.com/spec/"),
    Signature(.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A]),
    Signature(.jpeg, [0xFF, 0xD8, 0xFF]),
    Signature(.gif, "GIF87a"),
    Signature(.gif, "GIF89a"),
    Signature(.webP, "WEBPVP8", offset: 8),
    Signature(.program, [0x7F, 0x45, 0x4C, 0x46]),
    Signature(.program, [0xCF, 0xFA, 0xED, 0xFE]),
  ]

  /// A length below 100 MB, then a JSON object.
  private static func isSafetensors(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 9, bytes[8] == UInt8(ascii: "{") else { return false }
    return bytes[4..<8].allSatisfy { $0 == 0 } && bytes[3] < 0x06
  }

  /// A page starts with its type or its element, after white space and a byte order mark.
  private static func isHTML(_ bytes: [UInt8]) -> Bool {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    let text = String(
      decoding: start.drop { [0x09, 0x0A, 0x0D, 0x20].contains($0) }.prefix(16), as: UTF8.self
    ).lowercased()
    return ["<!doctype html", "<html>", "<html "].contains { text.hasPrefix($0) }
  }
}
