import CastleOperations

extension Backend {
  /// What packs weights for this backend: packing gives the same bytes on every processor.
  var packer: CPUBackend { self as? CPUBackend ?? CPUBackend(threads: 1) }
}
