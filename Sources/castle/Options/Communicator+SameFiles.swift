import CastleCluster
import CastleCorpus
import CastleFormats

extension Communicator {
  /// Checks that every rank finds the same files, given by what messages call them.
  ///
  /// Of a folder, those files count that are read of models and texts. The shards of a text whose manifest
  /// holds their hashes are not read.
  ///
  /// - Throws: ``InputError`` on every rank, which names the first that has other files than the main rank.
  func requireSameFiles(_ kinds: [(name: String, paths: [String])]) throws {
    guard world.size > 1 else { return }
    for (name, paths) in kinds {
      try requireSame(name, onEveryRank { try Self.digest(paths.flatMap(Self.files)) })
    }
  }

  private static func digest(_ files: [String]) throws -> String {
    let digest = Digest()
    for file in files {
      digest.update(Array(FilePath.name(of: file).utf8) + [0])
      digest.update(Array(try Digest.sha256(ofFile: file).utf8))
    }
    return digest.sha256()
  }

  private static func files(_ path: String) -> [String] {
    guard FilePath.isFolder(path) else { return [path] }
    let names = FilePath.entries(ofFolder: path) ?? []
    let endings = names.contains(CorpusManifest.fileName) ? [".json"] : [".json", ".safetensors", ".bin"]
    return names.filter { name in endings.contains(where: name.hasSuffix) }.map { "\(path)/\($0)" }
  }
}
