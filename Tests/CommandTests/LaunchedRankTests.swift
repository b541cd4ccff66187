import Foundation
import Testing

/// Commands whose work ranks can share, started by a launcher without MPI in the program.
@Suite struct LaunchedRankTests {
  private static let commands = [
    ["train", "--set", "data.shards=nothing", "--set", "output=nothing"],
    ["evaluate", "--model", "nothing", "--repeated-text"],
    ["prepare", "--tokenizer", "nothing", "--output", "nothing", "text"],
  ]

  private func environment(size: Int) -> [String: String] {
    ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "\(size)"]
  }

  #if !MPI
    @Test(arguments: commands) func severalRanksNeedMPI(command: [String]) throws {
      let result = try CastleProcess.run(command, environment: environment(size: 3))
      #expect(result.exitCode == 1)
      #expect(
        result.errorLines == [
          "error: mpirun of Open MPI has started 3 ranks, but this castle was built without MPI; "
            + "build it with: make build MPI=1"
        ], "\(result)")
    }

    @Test(arguments: commands) func oneRankIsAProcess(command: [String]) throws {
      let result = try CastleProcess.run(command, environment: environment(size: 1))
      #expect(result.errorLines.count == 1 && result.errorLines.first?.contains("nothing") == true)
    }
  #endif
}
