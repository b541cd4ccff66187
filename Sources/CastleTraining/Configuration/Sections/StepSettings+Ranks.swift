import CastleAttention
import CastleCluster
import CastleFormats
import CastleModel
import CastleOperations

extension StepSettings {
  /// - Throws: ``InputError`` if the ranks of `world` do not form whole groups of ``sequenceRanks``, or a
  ///   group would be without a sequence.
  func checkRanks(_ world: World) throws {
    guard world.size.isMultiple(of: sequenceRanks) else {
      let isTooMany = sequenceRanks > world.size
      throw InputError(
        subject: "training.sequence-ranks",
        problem: "is \(sequenceRanks), but "
          + (world.size == 1 ? "there is one process" : "there are \(world.size) ranks"),
        remedy: isTooMany
          ? "start as many ranks, as with mpirun -np \(sequenceRanks), or leave it at 1"
          : "set it to a divisor of the number of ranks, or start a multiple of \(sequenceRanks)")
    }
    let groups = world.groups(of: sequenceRanks)
    guard batchSize >= groups.size else {
      let each = sequenceRanks > 1 ? "group of \(sequenceRanks) ranks" : "rank"
      throw InputError(
        subject: "training.batch-size",
        problem: "is \(batchSize), too few for \(groups.size) "
          + (sequenceRanks > 1 ? "groups of \(sequenceRanks) ranks" : "ranks"),
        remedy: "give every \(each) a sequence: "
          + "\(.setting("training.batch-size", "\(groups.size)")) or fewer ranks")
    }
  }

  /// - Throws: ``InputError`` if ``sequenceRanks`` ranks cannot share the sequences of `model`: each needs
  ///   tokens, and what it sends at a time must not be too much for MPI. Where each has some keys instead of
  ///   some heads, these may not be shifted.
  func checkSequenceRanks(_ model: ModelConfiguration, _ world: World) throws {
    guard sequenceRanks > 1 else { return }
    guard sequenceLength >= sequenceRanks else {
      throw InputError(
        subject: "training.sequence-ranks",
        problem: "is \(sequenceRanks), but sequences have \(sequenceLength) tokens",
        remedy: "give every rank a token of each sequence: at most \(sequenceLength)")
    }
    let kvHeads = model.heads.kvHeads
    if sequenceRanks > kvHeads {
      guard !model.shiftsKeysAndValues else {
        throw InputError(
          subject: "training.sequence-ranks",
          problem: "is \(sequenceRanks), but the model has \(NumberFormat.count(kvHeads, "KV head")) "
            + "with shifted keys and values (model.key-value-shift)",
          remedy: "give every rank a KV head: at most \(kvHeads)")
      }
      let panels = (sequenceLength + PanelShares.panelWidth - 1) / PanelShares.panelWidth
      guard panels >= sequenceRanks else {
        throw InputError(
          subject: "training.sequence-ranks",
          problem:
            "is \(sequenceRanks), more than the model's \(NumberFormat.count(kvHeads, "KV head")), and "
            + "sequences have \(sequenceLength) tokens",
          remedy: "give every rank a KV head or \(PanelShares.panelWidth) tokens of each sequence: at most "
            + "\(max(kvHeads, panels))")
      }
    }
    let batch = largestShare(of: world.groups(of: sequenceRanks))
    let bytes = TrainingPass.largestTransfer(
      model, batch: batch, length: sequenceLength, ranks: World(rank: 0, size: sequenceRanks))
    guard bytes <= Double(Int32.max) else {
      throw InputError(
        subject: "training.batch-size",
        problem: "is \(batchSize): a rank would send "
          + "\(NumberFormat.bytes(Int(exactly: bytes) ?? .max)) at a time, more than the "
          + "\(NumberFormat.bytes(Int(Int32.max))) that MPI takes",
        remedy: "lower it, with a higher training.accumulation, or raise training.sequence-ranks")
    }
  }
}
