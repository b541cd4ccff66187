import CastleOperations
import CastleTensors
import Testing

/// Inputs at the ends of the number range, rows of equal numbers, and numbers that are none.
struct ExtremeInputTests {
  private static let rows = 3
  private static let columns = 67

  /// Rows of very large, very small, equal and no numbers, by name.
  private static let inputs: [(name: String, values: [Float])] = {
    var source = RandomSource(seed: 1)
    let normals = source.normals(rows * columns)
    return [
      ("±10 000", normals.map { $0 < 0 ? -1e4 : 1e4 }), ("around 10 000", normals.map { 1e4 + $0 }),
      ("denormal", normals.map { $0 * 0x1p-133 }), ("very small", normals.map { $0 * 1e-30 }),
      ("equal", normals.map { _ in 3.5 }), ("equal and large", normals.map { _ in -1e4 }),
      ("zero", normals.map { _ in 0 }),
      (
        "from denormal to large",
        normals.enumerated().map { index, x in
          x * [0x1p-133, 1e-20, 1, 1e4][index % 4]
        }
      ),
    ]
  }()

  private static let places = [0, 31, 32, 66]

  private func window(_ values: [Float], _ columns: Int, on backend: CPUBackend) -> Window {
    Window(values, rows: values.count / columns, columns: columns, on: backend)
  }

  private func random(_ count: Int) -> [Float] {
    var source = RandomSource(seed: 2)
    return source.normals(count)
  }

  // MARK: Operations on a matrix of `columns` columns, forwards and backwards

  private func rmsNorm(
    _ x: [Float], dy: [Float], machine: Machine
  ) -> (y: [Float], dx: [Float], dWeight: [Float]) {
    let backend = machine.backend
    let columns = Self.columns
    let (input, weight) = (window(x, columns, on: backend), backend.matrix(random(columns)))
    let y = Window(rows: x.count / columns, columns: columns, on: backend)
    let scales = Window(rows: 1, columns: x.count / columns, on: backend)
    backend.rmsNorm(
      input.matrix, adding: nil, weight: weight, epsilon: 1e-5, into: y.matrix, scales: scales.matrix)
    let dx = window([Float](repeating: 0, count: x.count), columns, on: backend)
    let dWeight = window([Float](repeating: 0, count: columns), columns, on: backend)
    backend.rmsNormBackward(
      window(dy, columns, on: backend).matrix, x: input.matrix, weight: weight,
      scales: backend.matrix(scales.values()), dx: dx.matrix, dWeight: dWeight.matrix)
    return (y.values(), dx.values(), dWeight.values())
  }

  private func swiGLU(_ gateUp: [Float], dy: [Float], machine: Machine) -> (y: [Float], dGateUp: [Float]) {
    let backend = machine.backend
    let input = window(gateUp, 2 * Self.columns, on: backend)
    let y = Window(rows: gateUp.count / (2 * Self.columns), columns: Self.columns, on: backend)
    backend.swiGLU(input.matrix, into: y.matrix)
    backend.swiGLUBackward(
      window(dy, Self.columns, on: backend).matrix, gateUp: input.matrix, dGateUp: input.matrix)
    return (y.values(), input.values())
  }

  private func crossEntropy(
    _ logits: [Float], targets: [Int], machine: Machine
  ) -> (losses: [Float], gradient: [Float]) {
    let backend = machine.backend
    let input = window(logits, Self.columns, on: backend)
    let losses = Window(rows: 1, columns: targets.count, on: backend)
    _ = backend.crossEntropy(
      input.matrix, targets: backend.indices(targets), gradientScale: 1, losses: losses.matrix)
    return (losses.values(), input.values())
  }

  private func rotate(_ x: [Float], headSize: Int, inverse: Bool, machine: Machine) -> [Float] {
    let backend = machine.backend
    let input = window(x, 2 * headSize, on: backend)
    backend.rotate(
      input.matrix, headSize: headSize,
      positions: backend.indices((0..<x.count / (2 * headSize)).map { 5 * $0 }),
      table: backend.rotaryTable(theta: 10_000, headSize: headSize, length: 100), inverse: inverse)
    return input.values()
  }

  // MARK: Tests

  @Test("extreme rows are normalized as exactly as others", arguments: Machine.all, inputs.indices)
  func extremeRMSNorm(machine: Machine, index: Int) {
    let (name, x) = Self.inputs[index]
    let (dy, weight) = (random(x.count), random(Self.columns))
    let result = rmsNorm(x, dy: dy, machine: machine)
    let naive = ReferenceOperations.rmsNorm(x, weight: weight, epsilon: 1e-5).y
    let exactEpsilon = Double(Float(1e-5))
    let truth = ReferenceOperations.rmsNorm(x.doubles, weight: weight.doubles, epsilon: exactEpsilon).y
    expectAccurate(result.y, naive: naive, truth: truth, "y, \(name)")
    let naiveGradient = ReferenceOperations.rmsNormBackward(dy, x: x, weight: weight, epsilon: 1e-5)
    let gradient = ReferenceOperations.rmsNormBackward(
      dy.doubles, x: x.doubles, weight: weight.doubles, epsilon: exactEpsilon)
    expectAccurate(result.dx, naive: naiveGradient.dx, truth: gradient.dx, "dx, \(name)")
    expectAccurate(result.dWeight, naive: naiveGradient.dWeight, truth: gradient.dWeight, "dWeight, \(name)")
  }

  @Test("extreme gates and values", arguments: Machine.all, inputs.indices)
  func extremeSwiGLU(machine: Machine, index: Int) {
    for (up, name) in [
      (Self.inputs[(index + 1) % Self.inputs.count].values, "up"),
      (random(Self.rows * Self.columns), "random up"),
    ] {
      let gateUp = (0..<Self.rows).flatMap { row in
        let part = row * Self.columns..<(row + 1) * Self.columns
        return Self.inputs[index].values[part] + up[part]
      }
      let dy = random(Self.rows * Self.columns)
      let result = swiGLU(gateUp, dy: dy, machine: machine)
      let comment = "\(Self.inputs[index].name), \(name)"
      expectAccurate(
        result.y, naive: ReferenceOperations.swiGLU(gateUp, hidden: Self.columns),
        truth: ReferenceOperations.swiGLU(gateUp.doubles, hidden: Self.columns), "y, \(comment)")
      expectAccurate(
        result.dGateUp, naive: ReferenceOperations.swiGLUBackward(dy, gateUp: gateUp, hidden: Self.columns),
        truth: ReferenceOperations.swiGLUBackward(dy.doubles, gateUp: gateUp.doubles, hidden: Self.columns),
        "dGateUp, \(comment)")
    }
  }

  @Test("extreme heads are turned", arguments: Machine.all, [false, true])
  func extremeRotary(machine: Machine, inverse: Bool) {
    let headSize = 22
    for (name, values) in Self.inputs {
      let x = Array(values.prefix(4 * headSize))
      let table = ReferenceOperations.rotaryTable(theta: 10_000.0, headSize: headSize, length: 100)
      let positions = [0, 5]
      expectAccurate(
        rotate(x, headSize: headSize, inverse: inverse, machine: machine),
        naive: ReferenceOperations.rotate(
          x, headSize: headSize, positions: positions, table: table.map(Float.init), inverse: inverse),
        truth: ReferenceOperations.rotate(
          x.doubles, headSize: headSize, positions: positions, table: table, inverse: inverse), name)
    }
  }

  @Test("losses of extreme logits", arguments: Machine.all, inputs.indices)
  func extremeLoss(machine: Machine, index: Int) {
    let (name, logits) = Self.inputs[index]
    let targets = [0, 33, 66]
    let result = crossEntropy(logits, targets: targets, machine: machine)
    let naive = ReferenceOperations.crossEntropy(logits, targets: targets)
    let truth = ReferenceOperations.crossEntropy(logits.doubles, targets: targets)
    expectAccurate(result.losses, naive: naive.losses, truth: truth.losses, "losses, \(name)")
    expectAccurate(result.gradient, naive: naive.gradient, truth: truth.gradient, "gradient, \(name)")
  }

  @Test("a logit of minus infinity is a token that never comes", arguments: Machine.all)
  func impossibleTokens(machine: Machine) {
    var logits = random(2 * Self.columns)
    for column in stride(from: 0, to: Self.columns, by: 3) { logits[column] = -.infinity }
    let result = crossEntropy(logits, targets: [1, 0], machine: machine)
    let naive = ReferenceOperations.crossEntropy(logits, targets: [1, 0])
    let truth = ReferenceOperations.crossEntropy(logits.doubles, targets: [1, 0])
    expectAccurate(result.losses, naive: naive.losses, truth: truth.losses, "losses")
    expectAccurate(result.gradient, naive: naive.gradient, truth: truth.gradient, "gradient")
    #expect(stride(from: 0, to: Self.columns, by: 3).allSatisfy { result.gradient[$0] == 0 })
  }

  @Test("NaN in a row of RMSNorm stays in that row", arguments: Machine.all, places)
  func nanInRMSNorm(machine: Machine, place: Int) {
    let (x, dy) = (random(Self.rows * Self.columns), random(Self.rows * Self.columns))
    let row = Self.columns..<2 * Self.columns
    for isGradient in [false, true] {
      var (x, dy) = (x, dy)
      if isGradient { dy[Self.columns + place] = .nan } else { x[Self.columns + place] = .nan }
      let result = rmsNorm(x, dy: dy, machine: machine)
      #expect(isGradient || isNaN(result.y, in: row))
      #expect(isNaN(result.dx, in: row))
      #expect(isNaN(result.dWeight, in: isGradient ? place..<place + 1 : 0..<Self.columns))
    }
  }

  @Test("NaN in a pair of rotary features stays in that pair", arguments: Machine.all, [0, 10, 11, 21])
  func nanInRotary(machine: Machine, place: Int) {
    for inverse in [false, true] {
      var x = random(4 * 22)
      x[44 + 22 + place] = .nan
      let result = rotate(x, headSize: 22, inverse: inverse, machine: machine)
      let pair = [66 + place % 11, 66 + place % 11 + 11]
      #expect(result.indices.allSatisfy { result[$0].isNaN == pair.contains($0) })
    }
  }

  @Test("NaN in SwiGLU stays in its feature", arguments: Machine.all, places)
  func nanInSwiGLU(machine: Machine, place: Int) {
    let (gateUp, dy) = (random(2 * Self.rows * Self.columns), random(Self.rows * Self.columns))
    let (gate, up) = (2 * Self.columns + place, 3 * Self.columns + place)
    for changed in [gate, up, nil] {
      var (gateUp, dy) = (gateUp, dy)
      if let changed { gateUp[changed] = .nan } else { dy[Self.columns + place] = .nan }
      let result = swiGLU(gateUp, dy: dy, machine: machine)
      if changed != nil { #expect(isNaN(result.y, in: Self.columns + place..<Self.columns + place + 1)) }
      // The gradient of up = dy SiLU(gate) does not depend on up itself.
      let spoiled = changed == up ? [gate] : [gate, up]
      #expect(result.dGateUp.indices.allSatisfy { result.dGateUp[$0].isNaN == spoiled.contains($0) })
    }
  }

  @Test("NaN in logits stays in its row", arguments: Machine.all, places)
  func nanInLogits(machine: Machine, place: Int) {
    var logits = random(Self.rows * Self.columns)
    logits[Self.columns + place] = .nan
    let result = crossEntropy(logits, targets: [0, 1, 66], machine: machine)
    #expect(isNaN(result.losses, in: 1..<2))
    #expect(isNaN(result.gradient, in: Self.columns..<2 * Self.columns))
  }

  /// Whether the elements in `range` are no numbers and all others finite.
  private func isNaN(_ values: [Float], in range: Range<Int>) -> Bool {
    values.indices.allSatisfy { range.contains($0) ? values[$0].isNaN : values[$0].isFinite }
  }
}
