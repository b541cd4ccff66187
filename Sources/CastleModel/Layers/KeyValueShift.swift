import CastleAttention
import CastleOperations
import CastleTensors

/// What comes before the first tokens of some documents, in one layer whose keys and values are mixed with
/// those of the token before.
struct ShiftNeighbours {
  let documents: Documents
  /// The keys and values before each document, not mixed themselves; zeros where it begins.
  let previous: Matrix
}

/// The last keys and values of a sequence in every layer, not mixed, which the next token's are mixed with.
///
/// A sequence can go back to where a snapshot was taken, or to its beginning.
final class ShiftMemory {
  /// A row for each layer.
  private var rows: Matrix
  private var length = 0
  private var snapshots: [(length: Int, rows: Matrix)] = []
  private let backend: any Backend

  /// The memory of a sequence without tokens; nil if the model mixes nothing.
  convenience init?(_ configuration: ModelConfiguration, backend: any Backend) {
    guard configuration.shiftsKeysAndValues else { return nil }
    let rows = backend.allocate(
      Float.self, rowCount: configuration.layerCount, columnCount: 2 * configuration.kvWidth)
    backend.fill(rows, with: 0)
    self.init(rows: rows, backend: backend)
  }

  private init(rows: Matrix, backend: any Backend) {
    self.rows = rows
    self.backend = backend
  }

  /// The last keys and values in `layer`.
  func row(_ layer: Int) -> Matrix { rows.rows(layer..<layer + 1) }

  /// Notes that the sequence has `length` tokens, of which the last ones are in ``row(_:)``.
  func advance(to length: Int) { self.length = length }

  func fork() -> ShiftMemory {
    let copy = ShiftMemory(rows: copied(rows), backend: backend)
    copy.length = length
    copy.snapshots = snapshots
    return copy
  }

  func snapshot() {
    snapshots.removeAll { $0.length == length }
    snapshots.append((length, copied(rows)))
  }

  func discardSnapshots() { snapshots = [] }

  func canTruncate(to length: Int) -> Bool {
    length == 0 || length == self.length || snapshots.contains { $0.length == length }
  }

  func truncate(to length: Int) {
    precondition(canTruncate(to: length), "no snapshot was taken after \(length) tokens")
    snapshots.removeAll { $0.length > length }
    guard length != self.length else { return }
    if let snapshot = snapshots.first(where: { $0.length == length }) {
      rows = copied(snapshot.rows)
    } else {
      backend.fill(rows, with: 0)
    }
    self.length = length
  }

  var byteCount: Int { (1 + snapshots.count) * rows.count * MemoryLayout<Float>.stride }

  private func copied(_ source: Matrix) -> Matrix {
    let target = backend.allocate(Float.self, rowCount: source.rowCount, columnCount: source.columnCount)
    backend.copy(source, to: target)
    return target
  }
}
