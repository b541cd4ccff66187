import CastleCorpus
import CastleFormats
import CastleTokenizer

/// What a user should know of what was prepared.
struct PreparationNotes {
  private let manifest: CorpusManifest

  init(_ manifest: CorpusManifest) {
    self.manifest = manifest
  }

  /// The notes, a line each.
  var lines: [String] {
    [invalidBytes, emptyDocuments, duplicates, validation].compactMap { $0.map { "note: " + $0 } }
  }

  private var invalidBytes: String? {
    guard let count = manifest.invalidByteCount, count > 0 else { return nil }
    let what = manifest.invalidBytes == .kept ? "kept" : "replaced with U+FFFD"
    let isMuch = 50 * count > manifest.train.bytes + manifest.validation.bytes
    return "\(NumberFormat.count(count, "byte")) not in UTF-8, "
      + "in \(NumberFormat.count(manifest.invalidDocuments, "document")), \(what)"
      + (isMuch ? "; if the text has another encoding, convert it first (iconv -f … -t UTF-8)" : "")
  }

  private var emptyDocuments: String? {
    guard manifest.emptyDocuments > 0 else { return nil }
    return "\(NumberFormat.count(manifest.emptyDocuments, "document")) without text left out"
  }

  private var duplicates: String? {
    guard let count = manifest.duplicateDocuments, count > 0 else { return nil }
    return "\(NumberFormat.count(count, "document")) with the text of an earlier one"
      + (manifest.removesDuplicates == true ? " left out" : "; --deduplicate leaves such out")
  }

  private var validation: String? {
    manifest.validation.documents == 0 ? "no document is kept for validation" : nil
  }
}
