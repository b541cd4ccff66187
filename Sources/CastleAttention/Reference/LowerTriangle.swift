/// A square matrix of which only the elements on and below the diagonal are kept, row by row.
///
/// What attention computes for a pair of tokens, the later of which reads the earlier, has this form.
package struct LowerTriangle: Sendable, Hashable {
  /// The number of rows.
  package let size: Int
  /// The elements: row 0 has one, row 1 two, and so on.
  package private(set) var elements: [Float]

  /// The number of elements of a triangle of `size` rows.
  package static func count(size: Int) -> Int { size * (size + 1) / 2 }

  /// A triangle whose elements `value` gives.
  package init(size: Int, _ value: (_ row: Int, _ column: Int) -> Double) {
    self.size = size
    elements = []
    elements.reserveCapacity(Self.count(size: size))
    for row in 0..<size {
      for column in 0...row { elements.append(Float(value(row, column))) }
    }
  }

  /// The element of a row in a column that is not after it.
  package subscript(row: Int, column: Int) -> Float { elements[Self.count(size: row) + column] }

  /// The elements of a row, up to the diagonal.
  package func row(_ row: Int) -> ArraySlice<Float> {
    let start = Self.count(size: row)
    return elements[start...start + row]
  }
}
