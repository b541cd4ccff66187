import CastleAttention
import CastleOperations
import CastleTensors

/// Where the tokens of a run stand in their sequences.
final class TokenPositions {
  private let backend: any Backend
  private let table: RotaryTable
  private let indices: IndexMatrix
  private var host: [Int32]
  private var count = 0

  /// Memory for `capacity` tokens of sequences that have at most `longest`, or grow longer later.
  init(_ model: LanguageModel, capacity: Int, longest: Int) {
    backend = model.backend
    table = RotaryTable(model)
    table.reserve(longest)
    indices = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
    host = Array(repeating: 0, count: capacity)
  }

  /// The positions of the present run.
  var rotary: RotaryPositions {
    RotaryPositions(indices: indices.columns(0..<count), table: table.matrix)
  }

  /// Makes room for sequences of `length` tokens.
  func reserve(_ length: Int) { table.reserve(length) }

  /// Takes in some tokens of `documents`, which begin.
  func load(_ documents: Documents, tokens: [Range<Int>]) {
    let positions = documents.ranges.flatMap { Int32(0)..<Int32(truncatingIfNeeded: $0.count) }
    count = indices.load(positions.elements(in: tokens), on: backend).count
  }

  /// Takes in all tokens of `documents`; `start` says at which position a document begins.
  func load(_ documents: Documents, start: (_ document: Int) -> Int) {
    for (index, document) in documents.ranges.enumerated() {
      let offset = start(index) - document.lowerBound
      for token in document { host[token] = Int32(truncatingIfNeeded: token + offset) }
    }
    count = documents.length
    host.withUnsafeBufferPointer {
      backend.upload(UnsafeBufferPointer(rebasing: $0[..<count]), to: indices.columns(0..<count))
    }
  }
}
