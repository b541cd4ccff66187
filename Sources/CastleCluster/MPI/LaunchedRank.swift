package import CastleFormats

/// What the environment says about the ranks that this process was started as one of.
package struct LaunchedRank: Sendable, Hashable {
  /// The program that started the ranks.
  package var launcher: String
  /// The number of this one.
  package var rank: Int
  /// The number of all.
  package var size: Int

  /// The variables of each launcher. `mpirun` inside a job of Slurm sets its own besides Slurm's, so it comes
  /// first; a batch script, which is no rank, has no number of tasks of a step.
  private static let variables = [
    ("mpirun of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("mpirun", "PMI_RANK", "PMI_SIZE"),
    ("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
  ]

  /// Reads the variables of the launchers; nil if none has started this process.
  package init?(environment: [String: String]) {
    for (launcher, rank, size) in Self.variables {
      guard let rank = environment[rank].flatMap({ Int($0) }),
        let size = environment[size].flatMap({ Int($0) }),
        size > 0, (0..<size).contains(rank)
      else { continue }
      self.launcher = launcher
      self.rank = rank
      self.size = size
      return
    }
    return nil
  }

  /// `environment` as a process needs it that is started by a rank and is none itself.
  package static func removed(from environment: [String: String]) -> [String: String] {
    environment.filter { name, _ in !variables.contains { $0.1 == name || $0.2 == name } }
  }

  /// What a program without MPI answers to several ranks.
  package var needsMPI: InputError {
    InputError(
      subject: "\(launcher)", problem: "has started \(size) ranks, but this castle was built without MPI",
      remedy: "build it with: make build MPI=1")
  }
}
