import CastleOperations
import CastleTensors

/// A way to run the CPU backend.
struct Machine: Sendable, CustomStringConvertible {
  var instructionSet: InstructionSet
  var threads: Int

  /// Every instruction set of this processor, with one, two and three threads.
  static let all = InstructionSet.available.flatMap { instructionSet in
    (1...3).map { Machine(instructionSet: instructionSet, threads: $0) }
  }

  /// A new backend, whose memory starts as NaN.
  var backend: CPUBackend {
    Scratch.isPoisoned = true
    return CPUBackend(threads: threads, instructionSet: instructionSet)
  }

  var description: String { "\(instructionSet), \(threads) threads" }
}

/// Rows and columns: single elements, less and more than a vector, and enough for three threads.
struct Shape: Sendable, CustomStringConvertible {
  var rows: Int
  var columns: Int

  var count: Int { rows * columns }

  static let all = [
    Shape(rows: 1, columns: 1), Shape(rows: 7, columns: 1), Shape(rows: 1, columns: 7),
    Shape(rows: 65, columns: 63), Shape(rows: 7, columns: 65), Shape(rows: 130, columns: 130),
    Shape(rows: 17, columns: 1025),
  ]

  var description: String { "\(rows) x \(columns)" }
}
