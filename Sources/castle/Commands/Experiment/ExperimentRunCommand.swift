import ArgumentParser
import CastleCluster
import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleSystem
import CastleTensors
import Foundation

/// `castle experiment run`: trains what is missing.
struct ExperimentRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Train and score the runs of an experiment that are missing.",
    discussion: """
      Runs that were interrupted go on where they were. Several of these commands, on one machine or on many \
      with a shared folder, share the work: none takes a run that another has. Ctrl-C saves and ends. A run \
      that fails is named, and spoils no other.

      The processes that mpirun or srun starts share the runs as well, one run each at a time, and the first \
      one says at the end what has become of them; castle must be built with: make build MPI=1.

      EXAMPLES
        castle experiment run Experiments/quick.yaml --data text=data/books
        castle experiment run Experiments/quick.yaml --data text=data/books \\
          --jobs 2
        castle experiment run Experiments/quick.yaml --data text=data/books \\
          --only $SLURM_ARRAY_TASK_ID
        mpirun -np 4 castle experiment run Experiments/quick.yaml \\
          --data text=data/books
      """)

  @OptionGroup var options: ExperimentOptions

  @Option(
    help: ArgumentHelp("Do this one only: its name, or its number in the plan, from 1.", valueName: "cell"))
  var only: String?

  @Option(parsing: .unconditional, help: "Runs at a time; the threads are divided among them.")
  var jobs = 1

  @Flag(help: "Try runs again that have failed.")
  var retry = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    try OptionRange.check("--jobs", jobs, 1...256)
    guard jobs == 1 || only == nil else { throw ValidationError("--only is one run: leave out --jobs") }
  }

  func run() throws {
    Interruption.listen()
    let folder = try options.folder()
    let cells = try only.map { [try folder.experiment.cell($0)] } ?? folder.experiment.cells
    guard jobs == 1 else {
      if let launched = LaunchedRank(environment: ProcessInfo.processInfo.environment), launched.size > 1 {
        throw InputError(
          subject: "--jobs \(jobs)", problem: "is for one process, but \(launched.launcher) has started more",
          remedy: "leave it out and start as many ranks as there are to be runs at a time")
      }
      return try runJobs(folder)
    }
    try ClusterSession.run { try run(cells, folder, $0) }
  }

  private func run(
    _ cells: [ExperimentCell], _ folder: ExperimentFolder, _ communicator: any Communicator
  ) throws {
    guard communicator.world.size == 1 || only == nil else {
      throw InputError(
        subject: "--only", problem: "is one run, but there are \(communicator.world.size) ranks",
        remedy: "start one")
    }
    try communicator.requireSame("version of castle", ProgramVersion.number, shows: true)
    let pool = try backendOptions.makePool(communicator)
    let backend = CPUBackend(pool: pool)
    let ranks = try RankSummary(communicator, threads: pool.threadCount)
    guard communicator.world.isMain else {
      let runner = ExperimentRunner(folder, backend: backend, progress: SilentExperiment())
      _ = try runner.run(cells, retriesFailed: retry, with: communicator)
      return
    }
    let peakRate = MachinePeaks.productRates(backend, size: 2048, repetitions: 2).max() ?? 0
    let progress = ExperimentConsole(folder, peakRate: peakRate)
    progress.note(backend.summary)
    ranks.lines.forEach(progress.note)
    let runner = ExperimentRunner(folder, backend: backend, progress: progress)
    let outcome = try runner.run(cells, retriesFailed: retry, with: communicator)
    progress.finish()
    switch outcome {
    case .interrupted:
      progress.note("saved; the same command goes on")
    case .done(let failed, let taken):
      if !taken.isEmpty { progress.note("others work on \(taken.joined(separator: ", "))") }
      try Self.report(failed: failed)
    }
  }

  private static func report(failed: [String]) throws {
    guard !failed.isEmpty else { return }
    throw InputError(
      "\(NumberFormat.count(failed.count, "cell")) failed: \(failed.joined(separator: ", ")); "
        + "castle experiment status says why, and --retry tries again")
  }

  /// Starts ``jobs`` of these commands on the same folder, and waits for them.
  private func runJobs(_ folder: ExperimentFolder) throws {
    for cell in folder.experiment.cells { try folder.checkIdentity(cell) }
    let threads = max(1, backendOptions.threadCount / jobs)
    var arguments = ["experiment", "run"] + options.arguments(output: folder.path)
    arguments += ["--threads", "\(threads)"] + (retry ? ["--retry"] : [])
    let workers = try (0..<jobs).map { _ in try WorkerProcess(arguments) }
    var isStopped = false
    while workers.contains(where: \.isRunning) {
      Thread.sleep(forTimeInterval: 0.1)
      guard Interruption.isRequested, !isStopped else { continue }
      isStopped = true
      workers.forEach { $0.stop() }
    }
    guard !isStopped else { return }
    let states = try folder.experiment.cells.map { ($0.name, try folder.state($0)) }
    try Self.report(failed: states.filter { if case .failed = $0.1 { true } else { false } }.map(\.0))
    let left = states.filter { $0.1 == .missing || $0.1 == .interrupted }.map(\.0)
    guard left.isEmpty else {
      throw InputError(
        "a worker ended before its time: \(left.joined(separator: ", ")) not done; the same command goes on")
    }
  }
}

/// Another `castle` that works beside this one.
private final class WorkerProcess {
  private let process = Process()

  init(_ arguments: [String]) throws {
    process.executableURL = Bundle.main.executableURL
    process.arguments = arguments
    process.environment = LaunchedRank.removed(from: ProcessInfo.processInfo.environment)
    do {
      try process.run()
    } catch {
      throw InputError("cannot start another castle for --jobs: \(error.localizedDescription)")
    }
  }

  var isRunning: Bool { process.isRunning }

  /// Asks it to save and end. It has a process group of its own, so Ctrl-C has not reached it yet.
  func stop() { kill(process.processIdentifier, SIGTERM) }
}
