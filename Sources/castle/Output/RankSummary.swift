import CastleCluster
import CastleFormats
import Foundation

/// What a person should know about the ranks of a run before it begins.
struct RankSummary {
  /// One line each; none for a single process.
  let lines: [String]

  /// Asks all ranks, each of which must make one. `threads` are this rank's.
  init(_ communicator: any Communicator, threads: Int) throws {
    let threads = try communicator.gather(threads)
    guard communicator.world.size > 1 else {
      lines = []
      return
    }
    var names: [String] = []
    for host in communicator.hosts where !names.contains(host) { names.append(host) }
    let shown = names.prefix(4).map { name in "\(communicator.hosts.count { $0 == name }) on \(name)" }
    let hosts = shown.joined(separator: ", ") + (names.count > 4 ? ", … (\(names.count) hosts)" : "")
    let (fewest, most) = (threads.min() ?? 1, threads.max() ?? 1)
    let each = fewest == most ? NumberFormat.count(most, "thread") : "\(fewest) to \(most) threads"
    var lines = ["\(communicator.library): \(communicator.world.size) ranks (\(hosts)), \(each) each"]
    if let note = Self.patience(communicator) { lines.append(note) }
    self.lines = lines
  }

  /// Open MPI's mpirun waits for a time that is 1 s by default, tells the ranks to end, and kills them after
  /// the same time, before most of them have saved.
  private static func patience(_ communicator: any Communicator) -> String? {
    let environment = ProcessInfo.processInfo.environment
    guard communicator.library.hasPrefix("Open MPI"), environment["OMPI_COMM_WORLD_RANK"] != nil,
      environment["OMPI_MCA_odls_base_sigkill_timeout"] == nil, environment["SLURM_STEP_NUM_TASKS"] == nil
    else { return nil }
    return "after Ctrl-C this mpirun leaves the ranks 1 s to save; SIGTERM to one rank leaves all the time "
      + "they need, and mpirun --mca odls_base_sigkill_timeout 30 tells them after 30 s and leaves them 30"
  }
}
