import CastleKernels
import CastleTensors

/// A block of floats in memory: rows of adjacent numbers, `stride` apart.
struct Rows {
  var base: UnsafeMutablePointer<Float>
  var stride: Int

  init(_ base: UnsafeMutablePointer<Float>, stride: Int) {
    self.base = base
    self.stride = stride
  }

  func offset(_ count: Int) -> Rows { Rows(base + count, stride: stride) }
}

/// The vector loops of one instruction set.
struct AttentionKernels: @unchecked Sendable {
  let table: UnsafePointer<castle_attention_kernels>

  /// Ends the process with a message if this processor does not have `instructionSet`.
  init(_ instructionSet: InstructionSet) {
    table = instructionSet.loops(castle_attention_kernels_for)
  }

  /// The number of floats in a vector: widths of operands are multiples of it.
  var lanes: Int { table.pointee.lanes }

  /// `count` rounded up to whole vectors.
  func padded(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

  /// C ← (or ±) the sum of one or two products, castle_attention_kernels.h.
  ///
  /// - Parameter band: What of C is needed.
  func multiply(
    _ m: Int, _ n: Int, into c: Rows, _ update: castle_update = CASTLE_STORE, band: castle_band = .whole,
    _ first: castle_term, _ second: castle_term? = nil
  ) {
    var product = castle_product()
    product.m = m
    product.n = n
    product.c = c.base
    product.c_row = c.stride
    product.c_band = band
    product.update = update
    product.terms.0 = first
    product.term_count = 1
    if let second {
      product.terms.1 = second
      product.term_count = 2
    }
    table.pointee.product(&product)
  }

  /// target ← `factor` source, `rows` × `columns`, the rows of target filled up to whole vectors with zeros.
  func copy(_ rows: Int, _ columns: Int, times factor: Float, _ source: Rows, to target: Rows) {
    table.pointee.copy(rows, columns, factor, source.base, source.stride, target.base, target.stride)
  }

  /// target ← `factor` source, `rows` × `columns`, for a target that is not read soon.
  func write(_ rows: Int, _ columns: Int, times factor: Float, _ source: Rows, to target: Rows) {
    table.pointee.write(rows, columns, factor, source.base, source.stride, target.base, target.stride)
  }

  /// target ← sourceᵀ, where source is `rows` × `columns`.
  func transpose(_ rows: Int, _ columns: Int, _ source: Rows, to target: Rows) {
    table.pointee.transpose(rows, columns, source.base, source.stride, target.base, target.stride)
  }
}

extension castle_band {
  /// Bounds that no index reaches, small enough to add indices to.
  private static var unbounded: Int { .max / 4 }

  /// All of a matrix.
  static var whole: castle_band { castle_band(begin: -unbounded, end: unbounded) }

  /// Of row i the elements before column `end` + i.
  static func before(_ end: Int) -> castle_band { castle_band(begin: -unbounded, end: end) }

  /// Of row i the elements before column `end` + i, at most `count` of them.
  static func last(_ count: Int, before end: Int) -> castle_band {
    castle_band(begin: end - min(count, unbounded), end: end)
  }

  /// The diagonal and all before it, as in E.
  static var lowerTriangle: castle_band { .before(1) }

  /// The band in the transposed matrix.
  var transposed: castle_band { castle_band(begin: 1 - end, end: 1 - begin) }
}

extension castle_term {
  /// A B, where A's rows are in `a`; A is zero outside `left`, B outside `right`.
  static func product(
    _ a: Rows, _ b: Rows, depth k: Int, left aBand: castle_band = .whole, right bBand: castle_band = .whole
  ) -> castle_term {
    castle_term(
      a: a.base, a_row: a.stride, a_column: 1, b: b.base, b_row: b.stride, k: k, a_band: aBand, b_band: bBand)
  }

  /// Aᵀ B, where A's rows are in `a`; A, as it is there, is zero outside `left`, B outside `right`.
  static func transposedProduct(
    _ a: Rows, _ b: Rows, depth k: Int, left aBand: castle_band = .whole, right bBand: castle_band = .whole
  ) -> castle_term {
    castle_term(
      a: a.base, a_row: 1, a_column: a.stride, b: b.base, b_row: b.stride, k: k, a_band: aBand.transposed,
      b_band: bBand)
  }
}
