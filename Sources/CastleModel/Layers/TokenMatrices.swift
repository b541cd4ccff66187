import CastleOperations
import CastleTensors

/// How a matrix holds the numbers of N tokens.
enum TokenShape {
  /// (N, count): a row for each token.
  case rows(of: Int)
  /// (count, N): a column for each token.
  case columns(of: Int)

  /// The numbers of one token.
  var count: Int {
    switch self {
    case .rows(let count), .columns(let count): count
    }
  }
}

/// Names of matrices that belong together and have something for every token.
protocol TokenQuantity: CaseIterable, RawRepresentable<Int> where AllCases == [Self] {
  /// The shape in a model of `configuration`; of no numbers if the model lacks it.
  func shape(_ configuration: ModelConfiguration) -> TokenShape
}

/// A matrix for each of some quantities, for the same N tokens.
struct TokenMatrices<Quantity: TokenQuantity> {
  private let shapes: [TokenShape]
  /// In the order of the quantities; nil for those that the model lacks and for those that were left out.
  private var matrices: [Matrix?]

  /// New memory for `tokenCount` tokens, but for the quantities in `shared`, and none for those left out.
  init(
    _ configuration: ModelConfiguration, tokenCount: Int, backend: any Backend,
    sharing shared: [(Quantity, Matrix)] = [], leavingOut omitted: [Quantity] = []
  ) {
    shapes = Quantity.allCases.map { $0.shape(configuration) }
    matrices = zip(Quantity.allCases, shapes).map { quantity, shape in
      if omitted.contains(where: { $0 == quantity }) { return nil }
      if let known = shared.first(where: { $0.0 == quantity }) { return known.1 }
      switch shape {
      case .rows(0), .columns(0): return nil
      case .rows(let count):
        return backend.allocate(Float.self, rowCount: tokenCount, columnCount: count)
      case .columns(let count):
        return backend.allocate(Float.self, rowCount: count, columnCount: tokenCount)
      }
    }
  }

  /// Traps if the model lacks `quantity`.
  subscript(quantity: Quantity) -> Matrix {
    guard let matrix = self[ifPresent: quantity] else { preconditionFailure("the model has no \(quantity)") }
    return matrix
  }

  /// Nil if the model lacks `quantity`.
  subscript(ifPresent quantity: Quantity) -> Matrix? { matrices[quantity.rawValue] }

  /// The first `count` tokens.
  func first(_ count: Int) -> TokenMatrices {
    var part = self
    for (index, shape) in shapes.enumerated() {
      switch shape {
      case .rows: part.matrices[index] = matrices[index]?.rows(0..<count)
      case .columns: part.matrices[index] = matrices[index]?.columns(0..<count)
      }
    }
    return part
  }

  /// The same memory but for one matrix.
  func replacing(_ quantity: Quantity, with matrix: Matrix) -> TokenMatrices {
    var other = self
    other.matrices[quantity.rawValue] = matrix
    return other
  }

  /// The numbers of all quantities together for one token, or of some of them.
  static func countPerToken(
    _ configuration: ModelConfiguration, _ quantities: [Quantity] = Quantity.allCases
  ) -> Int {
    quantities.reduce(0) { $0 + $1.shape(configuration).count }
  }
}

extension IndexMatrix {
  /// Takes in `ids`, and returns the window that they fill.
  @discardableResult
  func load(_ ids: [Int32], on backend: any Backend) -> IndexMatrix {
    let window = columns(0..<ids.count)
    ids.withUnsafeBufferPointer { backend.upload($0, to: window) }
    return window
  }
}
