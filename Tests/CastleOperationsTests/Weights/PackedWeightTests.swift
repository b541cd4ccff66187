import CastleOperations
import CastleTensors
import Testing

/// Weights in less precision, and products with them.
struct PackedWeightTests {
  /// Outputs, inputs and rows of a product.
  struct Sizes: Sendable, CustomStringConvertible {
    var outputs: Int
    var inputs: Int
    var rows: Int

    var description: String { "\(rows) rows, \(inputs) inputs, \(outputs) outputs" }
  }

  static let sizes = [
    Sizes(outputs: 1, inputs: 1, rows: 1), Sizes(outputs: 17, inputs: 33, rows: 3),
    Sizes(outputs: 130, inputs: 65, rows: 1), Sizes(outputs: 65, inputs: 63, rows: 16),
    Sizes(outputs: 700, inputs: 300, rows: 8), Sizes(outputs: 33, inputs: 130, rows: 17),
    Sizes(outputs: 513, inputs: 1025, rows: 5), Sizes(outputs: 129, inputs: 96, rows: 140),
  ]

  /// The numbers that `weight` stands for, row by row.
  private func values(_ weight: PackedWeight) -> [Float] {
    (0..<weight.rowCount).flatMap { row in
      [Float](unsafeUninitializedCapacity: weight.columnCount) { target, count in
        if let address = target.baseAddress { weight.unpack(row: row, into: address) }
        count = weight.columnCount
      }
    }
  }

  private func bytes(_ weight: PackedWeight) -> [UInt8] { [UInt8](weight.values) + [UInt8](weight.scales) }

  @Test("products agree with those of the numbers that weights stand for", arguments: sizes, Machine.all)
  func product(sizes: Sizes, machine: Machine) {
    let backend = machine.backend
    var source = RandomSource(seed: 3)
    let x = source.normals(sizes.rows * sizes.inputs)
    let w = source.normals(sizes.outputs * sizes.inputs, scale: 0.05)
    for format in WeightFormat.allCases {
      let weight = PackedWeight(
        Window(w, rows: sizes.outputs, columns: sizes.inputs, on: backend).matrix, format: format, on: backend
      )
      let target = Window(rows: sizes.rows, columns: sizes.outputs, on: backend)
      backend.multiply(
        Window(x, rows: sizes.rows, columns: sizes.inputs, on: backend).matrix, by: weight,
        into: target.matrix)
      let packed = values(weight)
      func expected<Scalar: BinaryFloatingPoint>(_ x: [Scalar], _ w: [Scalar]) -> [Scalar] {
        (0..<sizes.rows).flatMap { row in
          (0..<sizes.outputs).map { output in
            (0..<sizes.inputs).reduce(Scalar(0)) {
              $0 + x[row * sizes.inputs + $1] * w[output * sizes.inputs + $1]
            }
          }
        }
      }
      let truth = expected(x.doubles, packed.doubles)
      let result = target.values()
      if format.isQuantized {
        // A row's group of 32 in 8 bits is off by at most half of its largest number over 127, for each
        // input.
        for (i, value) in result.enumerated() {
          let row = i / sizes.outputs
          let output = i % sizes.outputs
          var bound = 1e-5 * Double(sizes.inputs)
          for first in stride(from: 0, to: sizes.inputs, by: 32) {
            let group = first..<min(first + 32, sizes.inputs)
            let largest = group.reduce(Float(0)) { max($0, abs(x[row * sizes.inputs + $1])) }
            for k in group {
              bound += Double(largest) / 254 * abs(Double(packed[output * sizes.inputs + k]))
            }
          }
          #expect(abs(Double(value) - truth[i]) <= bound, "\(format), row \(row), output \(output)")
        }
      } else {
        expectAccurate(result, naive: expected(x, packed), truth: truth, "\(format)")
      }
    }
  }

  @Test(
    "a row has the same bits alone and among others, for any number of threads",
    arguments: WeightFormat.allCases, [(1_050, 203), (67, 1_110)])
  func rowsAreIndependent(format: WeightFormat, sizes: (outputs: Int, inputs: Int)) {
    var source = RandomSource(seed: 5)
    let (outputs, inputs) = sizes
    let w = source.normals(outputs * inputs)
    let x = source.normals(16 * inputs)
    for instructionSet in InstructionSet.available {
      var alone: [UInt32] = []
      for threads in 1...3 {
        let backend = Machine(instructionSet: instructionSet, threads: threads).backend
        let weight = PackedWeight(backend.matrix(w, columns: inputs), format: format, on: backend)
        for count in [1, 3, 8, 16] {
          let y = backend.allocate(Float.self, rowCount: count, columnCount: outputs)
          for first in stride(from: 0, to: 16, by: count) where first + count <= 16 {
            let rows = backend.matrix(x, columns: inputs).rows(first..<first + count)
            backend.multiply(rows, by: weight, into: y)
            let bits = backend.values(y).bits
            if threads == 1 && count == 1 {
              alone += bits
            } else {
              let expected = Array(alone[first * outputs..<(first + count) * outputs])
              #expect(bits == expected, "\(instructionSet), \(threads) threads, \(count) rows from \(first)")
            }
          }
        }
      }
    }
  }

  @Test("packing gives the same bytes on every machine, with errors of half a step")
  func packing() {
    var source = RandomSource(seed: 7)
    let (outputs, inputs) = (37, 101)
    let w = source.normals(outputs * inputs, scale: 0.02)
    let limits: [WeightFormat: Double] = [.float32: 0, .bfloat16: 0.002, .int8: 0.006, .int4: 0.085]
    for format in WeightFormat.allCases {
      let expected = bytes(
        PackedWeight(
          Machine.all[0].backend.matrix(w, columns: inputs), format: format, on: Machine.all[0].backend))
      for machine in Machine.all {
        let backend = machine.backend
        let matrix = backend.matrix(w, columns: inputs)
        let weight = PackedWeight(matrix, format: format, on: backend)
        #expect(bytes(weight) == expected, "\(format), \(machine)")
        #expect(weight.byteCount == expected.count)
        let error = weight.error(from: matrix)
        #expect(error.relative <= limits[format] ?? 0, "\(format)")
        #expect((error.largest == 0) == (format == .float32))
      }
    }
  }

  @Test("weights can be used where their bytes lie, and nowhere where they do not fit")
  func raw() throws {
    let backend = Machine(instructionSet: .best, threads: 2).backend
    var source = RandomSource(seed: 9)
    let (outputs, inputs) = (19, 70)
    let matrix = backend.matrix(source.normals(outputs * inputs), columns: inputs)
    for format in WeightFormat.allCases {
      let weight = PackedWeight(matrix, format: format, on: backend)
      let offset = 8
      let buffer = Buffer.host(byteCount: offset + weight.byteCount)
      let values = weight.values
      (buffer.address + offset).copyMemory(from: try #require(values.baseAddress), byteCount: values.count)
      if let scales = weight.scales.baseAddress {
        (buffer.address + offset + values.count).copyMemory(from: scales, byteCount: weight.scales.count)
      }
      func make(
        rows: Int = outputs, columns: Int = inputs, valueOffset: Int = offset, scales: Bool = true,
        scaleOffset: Int? = nil
      ) -> PackedWeight? {
        PackedWeight(
          format: format, rowCount: rows, columnCount: columns, values: buffer, valueOffset: valueOffset,
          scales: scales ? buffer : nil, scaleOffset: scaleOffset ?? offset + values.count)
      }
      #expect(bytes(try #require(make())) == bytes(weight))
      #expect(make(rows: 0) == nil && make(columns: 0) == nil && make(rows: .max) == nil)
      #expect(make(rows: -1) == nil && make(columns: -1) == nil && make(columns: .min) == nil)
      #expect(make(rows: 1_000) == nil && make(valueOffset: -1) == nil && make(valueOffset: .max) == nil)
      if format.isQuantized {
        #expect(make(scales: false) == nil && make(scaleOffset: offset + values.count + 2) == nil)
        #expect(make(scaleOffset: 1) == nil)
      } else {
        #expect(make(valueOffset: 1) == nil)
      }
    }
  }

  @Test("what is not a number stays in its row and output", arguments: WeightFormat.allCases)
  func notNumbers(format: WeightFormat) {
    let backend = Machine(instructionSet: .best, threads: 2).backend
    var source = RandomSource(seed: 11)
    let (outputs, inputs) = (40, 70)
    var w = source.normals(outputs * inputs)
    var x = source.normals(3 * inputs)
    w[5 * inputs + 69] = .nan
    w[7 * inputs + 1] = .infinity
    x[inputs + 40] = .nan
    let weight = PackedWeight(backend.matrix(w, columns: inputs), format: format, on: backend)
    let y = backend.allocate(Float.self, rowCount: 3, columnCount: outputs)
    backend.multiply(backend.matrix(x, columns: inputs), by: weight, into: y)
    for (i, value) in backend.values(y).enumerated() {
      let isFinite = i / outputs != 1 && i % outputs != 5 && i % outputs != 7
      #expect(value.isFinite == isFinite, "row \(i / outputs), output \(i % outputs)")
    }
  }
}
