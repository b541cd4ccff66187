import CastleAttention
import CastleKernels
public import CastleSystem
public import CastleTensors

/// The operations on the processor's own memory: BLAS for large products, vector loops for the rest.
///
/// All of them run on one pool of threads; BLAS works on the thread that calls it, and its products are split
/// over the pool. For that, OpenBLAS is told to use one thread in the whole process; Accelerate is told so
/// for each product. One call at a time: a backend belongs to one thread of control.
///
/// Results depend on the number of threads (it decides how sums are split), not on how the threads run.
public final class CPUBackend: Backend {
  /// The vector instructions in use.
  public let instructionSet: InstructionSet

  /// The threads that work.
  public let pool: ThreadPool

  let kernels: castle_row_kernels
  let weightKernels: castle_weight_kernels
  let attentionWorkspace = AttentionWorkspace()
  let scratch = ScratchMemory()

  /// A backend with `threads` threads, or as many as the system gives. Traps below one. Ends the process with
  /// a message if this processor lacks `instructionSet`.
  public convenience init(
    threads: Int = Processors.available, instructionSet: InstructionSet = .best
  ) {
    self.init(pool: ThreadPool(threadCount: threads), instructionSet: instructionSet)
  }

  /// A backend on the threads of `pool`. Ends the process with a message if this processor lacks
  /// `instructionSet`.
  public init(pool: ThreadPool, instructionSet: InstructionSet = .best) {
    kernels = instructionSet.loops(castle_row_kernels_for).pointee
    weightKernels = instructionSet.loops(castle_weight_kernels_for).pointee
    self.instructionSet = instructionSet
    self.pool = pool
    BLAS.useOneThreadInProcess()
  }

  /// One line: threads, instruction set and BLAS.
  public var summary: String {
    "CPU, \(pool.threadCount) thread\(pool.threadCount == 1 ? "" : "s"), \(instructionSet), \(BLAS.name)"
  }

  /// Rows of a matrix are worth a thread of their own from about this many elements on.
  static let grain = 4_096

  /// A thread that other programs hold up leaves some of its parts to the others.
  static let partsPerThread = 4

  /// Calls `body` with ranges of rows of a matrix with `columns` columns, on all threads.
  func forEachRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    pool.forEachRange(
      of: rows, minimum: max(1, Self.grain / max(columns, 1)), partsPerThread: Self.partsPerThread, body)
  }
}
