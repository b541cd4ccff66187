import Foundation

#if canImport(Accelerate)
  import Accelerate
#else
  import COpenBLAS
#endif

/// The matrix products of the system's BLAS, on the calling thread alone.
enum BLAS {
  #if canImport(Accelerate)
    /// The name of the library, which is of the version of the system.
    static let name = "Accelerate (\(ProcessInfo.processInfo.operatingSystemVersionString))"

    /// Nothing to do: Apple's setting is each thread's own.
    static func useOneThreadInProcess() {}

    /// Keeps the library from starting threads of its own for the calling thread: a store to memory of that
    /// thread, cheap enough for every product.
    private static func useOneThread() { BLASSetThreading(BLAS_THREADING_SINGLE_THREADED) }
  #else
    /// The library's name, its version if known, and the processor core its kernels are for. The environment
    /// may have chosen that core.
    static let name: String = {
      let core = openblas_get_corename().map { String(cString: $0) } ?? "unknown"
      let isForced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] != nil
      let configuration = openblas_get_config().map { String(cString: $0) } ?? ""
      let words = configuration.split(separator: " ")
      let version = words.count > 1 && words[0] == "OpenBLAS" ? " " + words[1] : ""
      return "OpenBLAS\(version) (\(core)\(isForced ? ", by OPENBLAS_CORETYPE" : ""))"
    }()

    /// Keeps the library from starting threads of its own, for everything in this process that uses it.
    static func useOneThreadInProcess() { openblas_set_num_threads(1) }

    private static func useOneThread() {}
  #endif

  /// c ← α op(a) op(b) + β c, row-major; c is m × n.
  static func multiply(
    _ a: UnsafePointer<Float>, stride aStride: Int, transposed transposeA: Bool,
    _ b: UnsafePointer<Float>, stride bStride: Int, transposed transposeB: Bool,
    m: Int, n: Int, k: Int, alpha: Float, beta: Float, into c: UnsafeMutablePointer<Float>,
    stride cStride: Int
  ) {
    useOneThread()
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      .init(m), .init(n), .init(k), alpha, a, .init(aStride), b, .init(bStride), beta, c, .init(cStride))
  }

  /// y ← α a x + β y, or with aᵀ; a is rows × columns, x and y are vectors of adjacent elements.
  static func multiply(
    _ a: UnsafePointer<Float>, stride aStride: Int, transposed: Bool, rows: Int, columns: Int,
    _ x: UnsafePointer<Float>, alpha: Float, beta: Float, into y: UnsafeMutablePointer<Float>
  ) {
    useOneThread()
    cblas_sgemv(
      CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, .init(rows), .init(columns), alpha, a,
      .init(aStride), x, 1, beta, y, 1)
  }
}
