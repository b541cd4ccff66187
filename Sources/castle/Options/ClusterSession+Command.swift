import ArgumentParser
import CastleCluster
import CastleConsole

extension ClusterSession {
  /// Runs a command as one of the ranks that `mpirun` or `srun` has started, or as the only one.
  static func run(_ body: (any Communicator) throws -> Void) throws {
    do {
      try run(describe: Castle.text(of:), tell: { StandardError.write("error: \($0)\n") }, body)
    } catch is ToldElsewhere {
      throw ExitCode.failure
    }
  }
}
