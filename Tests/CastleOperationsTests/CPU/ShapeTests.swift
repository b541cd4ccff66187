import CastleAttention
import CastleOperations
import CastleSystem
import CastleTensors
import Testing

/// Matrices that do not fit an operation are traps: nothing is read or written beside them.
struct ShapeTests {
  /// An argument that is of another shape, or a vector with gaps between its elements.
  enum Fault: String, Codable, CaseIterable {
    case residual, weight, scales, target, dWeight, backwardScales, dx, positions, oddHeads, oddTable, tokens,
      gradientTokens, targets, losses, moments, logSumExp, lookaheadKeys, attentionGradients, otherRows, bias,
      dBias, headWeight, headScales, headTarget, headDWeight
  }

  private static let rows = 6
  private static let columns = 8

  /// Calls every operation that checks its arguments, one of which may be wrong.
  private static func run(_ fault: Fault?) {
    let backend = CPUBackend(threads: 1)
    func matrix(_ rows: Int = Self.rows, _ columns: Int = Self.columns) -> Matrix {
      let matrix = backend.allocate(Float.self, rowCount: rows, columnCount: columns)
      backend.fill(matrix, with: 1)
      return matrix
    }
    func vector(_ count: Int, _ name: Fault) -> Matrix {
      name == fault ? matrix(count, 2).columns(0..<1) : matrix(1, count)
    }
    func indices(_ count: Int, _ name: Fault) -> IndexMatrix {
      let zeros = backend.indices(Array(repeating: 0, count: 2 * count))
      return name == fault
        ? zeros.reshaped(rowCount: count, columnCount: 2).columns(0..<1) : zeros.columns(0..<count)
    }
    func like(_ x: Matrix, _ name: Fault) -> Matrix {
      name == fault ? matrix(x.rowCount - 1, x.columnCount) : matrix(x.rowCount, x.columnCount)
    }
    let x = matrix()
    backend.rmsNorm(
      x, adding: like(x, .residual), weight: vector(columns, .weight), epsilon: 1, into: like(x, .target),
      scales: vector(rows, .scales))
    backend.rmsNormBackward(
      x, x: x, weight: matrix(1, columns), scales: vector(rows, .backwardScales), dx: like(x, .dx),
      dWeight: vector(columns, .dWeight))
    backend.add(bias: vector(columns, .bias), toRowsOf: x)
    backend.biasBackward(x, dBias: vector(columns, .dBias))
    let headScales = fault == .headScales ? matrix(rows, 3) : matrix(rows, 2)
    backend.rmsNormHeads(
      x, weight: vector(columns / 2, .headWeight), epsilon: 1, into: like(x, .headTarget), scales: headScales)
    backend.rmsNormHeadsBackward(
      x, x: x, weight: matrix(1, columns / 2), scales: headScales, dx: x,
      dWeight: vector(columns / 2, .headDWeight))
    let table = backend.rotaryTable(theta: 10, headSize: 4, length: 9)
    backend.rotate(x, headSize: 4, positions: indices(rows, .positions), table: table, inverse: false)
    if fault == .oddTable { _ = backend.rotaryTable(theta: 10, headSize: 3, length: 9) }
    if fault == .oddHeads {
      backend.rotate(
        x, headSize: 1, positions: indices(rows, .positions), table: matrix(9, 1), inverse: false)
    }
    backend.embed(indices(rows, .tokens), table: .float32(matrix()), into: x)
    backend.embedBackward(x, tokens: indices(rows, .gradientTokens), dTable: matrix())
    _ = backend.crossEntropy(x, targets: indices(rows, .targets), losses: vector(rows, .losses))
    backend.adamW(
      matrix(1, rows), gradients: matrix(1, rows), firstMoments: vector(rows, .moments),
      secondMoments: matrix(1, rows),
      step: AdamWStep(
        learningRate: 1, beta1: 0.9, beta2: 0.9, epsilon: 1, weightDecay: 0, gradientScale: 1, number: 1))
    func projections(_ name: Fault? = nil) -> ProjectionMatrices {
      ProjectionMatrices(
        fused: name == fault && fault != nil ? matrix(rows - 1, 48) : matrix(rows, 48),
        layout: HeadLayout(queryHeads: 2, kvHeads: 2, headSize: 4), hasLookahead: true)
    }
    let (logSumExp, keys) = (like(matrix(2, rows), .logSumExp), like(x, .lookaheadKeys))
    let documents = Documents([0..<2, 2..<(fault == .otherRows ? rows - 1 : rows)])
    backend.attention(
      projections(), mechanism: .castle, documents: documents, output: x, logSumExp: logSumExp,
      lookaheadKeys: keys)
    backend.attentionBackward(
      x, projections(), mechanism: .castle, documents: documents, output: x, logSumExp: logSumExp,
      lookaheadKeys: keys, gradients: projections(.attentionGradients))
  }

  @Test("what fits is computed") func fitting() { Self.run(nil) }

  #if compiler(>=6.3)
    @Test("what does not fit is a trap", arguments: Fault.allCases)
    func notFitting(fault: Fault) async {
      await #expect(processExitsWith: .failure) { [fault] in Self.run(fault) }
    }

    @Test(
      "two operations that overlap on one backend are a trap",
      .enabled(if: Processors.available > 1))
    func overlap() async {
      await #expect(processExitsWith: .failure) {
        nonisolated(unsafe) let backend = CPUBackend(threads: 1)
        let x = backend.matrix([Float](repeating: 1, count: 100_000))
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<2 {
            group.addTask { for _ in 0..<100_000 { _ = backend.sumOfSquares(x) } }
          }
        }
      }
    }

    @Test("what the processor cannot do ends with a message")
    func missingInstructions() async throws {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        for missing in InstructionSet.allCases where !InstructionSet.available.contains(missing) {
          _ = CPUBackend(threads: 1, instructionSet: missing)
        }
      }
      let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(message.contains("this processor has no"))
    }
  #endif
}
