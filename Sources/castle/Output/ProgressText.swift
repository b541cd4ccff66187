import CastleFormats
import CastleSystem

/// What a progress line says of work that goes through bytes.
enum ProgressText {
  /// Ends work that someone asked to end.
  static func checkInterruption() throws {
    if Interruption.isRequested { throw InputError("interrupted; nothing was written") }
  }

  /// The share that is done, the rate, and the time that is left; where `all` is 0, nobody knows how much
  /// there is.
  static func bytes(_ done: Int, of all: Int, after time: Duration) -> String {
    let seconds = max(time / .seconds(1), 1e-6)
    let rate = Double(done) / seconds
    guard all > 0 else { return "\(NumberFormat.bytes(done))  \(NumberFormat.fixed(rate / 1e6, 1)) MB/s" }
    let left = rate > 0 ? NumberFormat.duration(Double(all - done) / rate) : "?"
    let share = NumberFormat.fixed(100 * Double(done) / Double(max(all, 1)), 0)
    return "\(share) %  \(NumberFormat.bytes(done)) of \(NumberFormat.bytes(all))  "
      + "\(NumberFormat.fixed(rate / 1e6, 1)) MB/s  \(left) left"
  }
}
