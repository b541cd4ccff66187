import CastleAttention
import CastleFormats

/// A dense tensor (B, H, L, d) in host memory, for the commands that work on attention alone.
final class HeadTensor<Scalar: BinaryFloatingPoint> {
  let view: HeadView<Scalar>

  /// A tensor whose elements are all `value`.
  init(batch: Int, heads: Int, length: Int, size: Int, repeating value: Scalar = 0) {
    let count = batch * heads * length * size
    let base = UnsafeMutablePointer<Scalar>.allocate(capacity: max(count, 1))
    base.initialize(repeating: value, count: count)
    view = HeadView(dense: base, batch: batch, heads: heads, length: length, size: size)
  }

  deinit { view.base.deallocate() }

  var count: Int { view.batch * view.heads * view.length * view.size }

  var elements: UnsafeMutableBufferPointer<Scalar> {
    UnsafeMutableBufferPointer(start: view.base, count: count)
  }

  /// The tensor `name` of a file, which must have four dimensions, none of them 0.
  convenience init(_ name: String, in file: SafetensorsFile) throws {
    let shape = try file.tensor(name).shape
    guard shape.count == 4, shape.allSatisfy({ $0 > 0 }) else {
      throw InputError(
        "tensor \(name) of \(file.path) has shape \(shape); attention needs (batch, heads, tokens, "
          + "features), none of them 0")
    }
    self.init(batch: shape[0], heads: shape[1], length: shape[2], size: shape[3])
    if Scalar.self == Float.self {
      for (i, x) in try file.floats(name).enumerated() { view.base[i] = Scalar(x) }
    } else {
      for (i, x) in try file.doubles(name).enumerated() { view.base[i] = Scalar(x) }
    }
  }

  /// Whether the dimensions agree, with or without the number of heads.
  func isSameShape(as other: HeadTensor, ignoringHeads: Bool = false) -> Bool {
    let (a, b) = (view, other.view)
    return a.batch == b.batch && a.length == b.length && a.size == b.size
      && (ignoringHeads || a.heads == b.heads)
  }

  var shape: [Int] { [view.batch, view.heads, view.length, view.size] }
}
