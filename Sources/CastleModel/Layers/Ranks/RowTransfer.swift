import CastleCluster
import CastleOperations
import CastleTensors

/// Sends rows of matrices between ranks.
struct RowTransfer {
  let communicator: any Communicator
  let backend: any Backend

  /// Sends each rank its matrix and waits for what comes from each. Both lists are of matrices that follow
  /// each other in memory.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func exchange(_ sent: [Matrix], into received: [Matrix]) throws {
    backend.synchronize()
    try communicator.startAllToAll(
      UnsafeRawBufferPointer(Self.bytes(sent)), counts: sent.map(Self.byteCount),
      into: Self.bytes(received), counts: received.map(Self.byteCount)
    ).wait()
  }

  private static func byteCount(_ matrix: Matrix) -> Int { matrix.count * MemoryLayout<Float>.size }

  private static func bytes(_ matrices: [Matrix]) -> UnsafeMutableRawBufferPointer {
    var end = matrices[0].offset
    for matrix in matrices {
      precondition(matrix.isContiguous && (matrix.count == 0 || matrix.offset == end), "rows with gaps")
      end += matrix.count
    }
    return UnsafeMutableRawBufferPointer(
      start: matrices[0].hostAddress, count: matrices.reduce(0) { $0 + byteCount($1) })
  }
}

/// Memory for what ranks send each other, or receive: a matrix for each, one after the other.
struct TransferMemory {
  private let memory: Matrix

  /// Room for `count` numbers.
  init(_ count: Int, backend: any Backend) {
    memory = backend.allocate(Float.self, rowCount: 1, columnCount: count)
  }

  /// Matrices of the given sizes. Traps if there is no room.
  func parts(_ sizes: [(rowCount: Int, columnCount: Int)]) -> [Matrix] {
    var start = 0
    return sizes.map { size in
      defer { start += size.rowCount * size.columnCount }
      return Matrix(
        buffer: memory.buffer, offset: memory.offset + start, rowCount: size.rowCount,
        columnCount: size.columnCount)
    }
  }
}
