import CastleTensors
import Synchronization

/// The scratch memory of blocked attention, kept from call to call: besides, a call allocates only lists of
/// its tasks and their parts.
///
/// Calls that share a workspace must not overlap: the second one traps.
public final class AttentionWorkspace: @unchecked Sendable {
  /// One arena for what all threads of a call read, and one for each thread.
  private var arenas: [ScratchArena]
  private let inUse = Atomic<Bool>(false)

  /// An empty workspace.
  public init() { arenas = [] }

  /// The scratch memory that calls have needed so far, in bytes.
  public var byteCount: Int { arenas.reduce(0) { $0 + $1.byteCount } }

  /// Runs all tasks of `plan`: the whole ones side by side with an arena each, then the shared ones in turn
  /// with all arenas, the shared one first.
  func run(
    _ plan: WorkPlan, pool: ThreadPool, whole: (HeadTask, ScratchArena) -> Void,
    shared: (SharedTask, [ScratchArena]) -> Void
  ) {
    let claimed = inUse.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    precondition(claimed, "two attention calls share a workspace at the same time")
    while arenas.count <= pool.threadCount { arenas.append(ScratchArena()) }
    pool.forEach(plan.whole.count) { index, thread in whole(plan.whole[index], arenas[thread + 1]) }
    for task in plan.shared { shared(task, arenas) }
    inUse.store(false, ordering: .releasing)
  }
}

/// Memory that is handed out piece by piece and taken back all at once.
final class ScratchArena {
  private var buffer: Buffer?
  private var used = 0

  var byteCount: Int { buffer?.byteCount ?? 0 }

  /// The bytes between pieces, those of a block of rows: pieces for a power of two of tokens would otherwise
  /// be a multiple of the cache's size apart, and their blocks, which are used together, would drive each
  /// other out.
  private static let gap = BlockGeometry.blockRows * BlockGeometry.panelWidth * MemoryLayout<Float>.stride

  /// Takes everything back and makes room for `count` floats in at most `pieces` pieces.
  func reset(count: Int, pieces: Int) {
    let needed = count * MemoryLayout<Float>.stride + pieces * (Buffer.alignment + Self.gap)
    if byteCount < needed {
      buffer = nil
      buffer = Buffer.host(byteCount: needed)
    } else if let buffer {
      Scratch.poison(buffer.address, byteCount: buffer.byteCount)
    }
    used = 0
  }

  /// The next `count` floats, on a boundary of ``Buffer/alignment`` bytes.
  func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    guard let buffer else { preconditionFailure("an arena without memory") }
    let start = used
    used += (count * MemoryLayout<Float>.stride + Buffer.alignment - 1) / Buffer.alignment * Buffer.alignment
    used += Self.gap
    precondition(used <= buffer.byteCount, "scratch memory was counted wrongly")
    return (buffer.address + start).assumingMemoryBound(to: Float.self)
  }
}
