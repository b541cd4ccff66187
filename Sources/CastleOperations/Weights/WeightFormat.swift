import CastleKernels

/// In what precision the weights of a product are stored.
public enum WeightFormat: String, Sendable, CaseIterable, Codable {
  /// Single precision, row by row.
  case float32
  /// The upper half of single precision, row by row.
  case bfloat16 = "bf16"
  /// Whole numbers from −127 to 127, times a scale for each output and 32 inputs.
  case int8
  /// Whole numbers from −8 to 7, times a scale for each output and 32 inputs.
  case int4

  /// Whether weights are whole numbers times scales, in panels of 16 outputs.
  public var isQuantized: Bool { self == .int8 || self == .int4 }

  /// The bytes of the values of a matrix, without scales; nil if it is empty or there is no such number.
  package func valueByteCount(rowCount: Int, columnCount: Int) -> Int? {
    guard rowCount > 0, columnCount > 0 else { return nil }
    return switch self {
    case .float32: Self.product(rowCount, columnCount, MemoryLayout<Float>.stride)
    case .bfloat16: Self.product(rowCount, columnCount, MemoryLayout<UInt16>.stride)
    case .int8: Self.product(Self.panels(rowCount), Self.groups(columnCount), Int(CASTLE_INT8_BLOCK))
    case .int4: Self.product(Self.panels(rowCount), Self.groups(columnCount), Int(CASTLE_INT4_BLOCK))
    }
  }

  /// The number of scales of a matrix, 0 if the format has none; nil if it is empty or there is no such
  /// number.
  package func scaleCount(rowCount: Int, columnCount: Int) -> Int? {
    guard rowCount > 0, columnCount > 0 else { return nil }
    guard isQuantized else { return 0 }
    return Self.product(Self.panels(rowCount), Self.groups(columnCount), Self.panelOutputs)
  }

  /// The outputs of a panel.
  static let panelOutputs = Int(CASTLE_PANEL_OUTPUTS)

  /// The inputs that share a scale.
  static let groupInputs = Int(CASTLE_GROUP_INPUTS)

  static func panels(_ rowCount: Int) -> Int { (rowCount - 1) / panelOutputs + 1 }
  static func groups(_ columnCount: Int) -> Int { (columnCount - 1) / groupInputs + 1 }

  private static func product(_ factors: Int...) -> Int? {
    var result = 1
    for factor in factors {
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      result = product
    }
    return result
  }
}
