import CastleFormats

/// The event file of a run, which TensorBoard shows and the run does not need: where it cannot be written,
/// that is told once, and the run goes on without it.
final class EventBoard {
  private var writer: TensorBoardWriter?
  private let note: (String) -> Void

  /// Starts an event file as ``TensorBoardWriter`` does.
  init(folder: String, firstStep: Int, note: @escaping (String) -> Void) {
    self.note = note
    attempt { writer = try TensorBoardWriter(folder: folder, firstStep: firstStep) }
  }

  func add(scalars: [(tag: String, value: Double)], step: Int) {
    writer?.add(scalars: scalars, step: step)
  }

  func add(text: String, tag: String, step: Int) {
    writer?.add(text: text, tag: tag, step: step)
  }

  func flush() {
    attempt { try writer?.flush() }
  }

  private func attempt(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      writer = nil
      note("warning: \(error); TensorBoard will not show the rest of the run")
    }
  }
}
