/// The element types of a safetensors file that this package reads or writes.
public enum SafetensorsType: String, Sendable, CaseIterable {
  /// IEEE double precision.
  case f64 = "F64"
  /// IEEE single precision.
  case f32 = "F32"
  /// IEEE half precision.
  case f16 = "F16"
  /// The upper half of single precision.
  case bf16 = "BF16"
  /// 64-bit integers.
  case i64 = "I64"
  /// 32-bit integers.
  case i32 = "I32"

  /// The types, for messages.
  static var choices: String { "readable are \(allCases.map(\.rawValue).joined(separator: ", "))" }

  /// Whether the elements are numbers with a fraction.
  public var isFloatingPoint: Bool { self != .i64 && self != .i32 }

  /// The size of an element in bytes.
  public var byteCount: Int {
    switch self {
    case .f64, .i64: 8
    case .f32, .i32: 4
    case .f16, .bf16: 2
    }
  }
}
