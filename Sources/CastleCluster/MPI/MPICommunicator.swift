#if MPI
  import CMPI
  import CastleFormats
  import Foundation
  import Synchronization

  /// The ranks that `mpirun` or `srun` has started.
  public final class MPICommunicator: Communicator, @unchecked Sendable {
    /// The ranks, and which of them this is.
    public let world: World
    /// The host of each rank.
    public let hosts: [String]
    /// The library and its version.
    public let library: String

    private let thread: MPIThread
    private let group: CMPIGroup
    /// The same ranks again: what they say at the end must not meet an exchange that one of them waits in.
    private let lastGroup: CMPIGroup
    private let sent = Atomic<Int>(0)

    /// What this rank has sent to others so far, in bytes.
    public var bytesSent: Int { sent.load(ordering: .relaxed) }

    /// Joins the other ranks. A process may do that once.
    ///
    /// - Throws: ``InputError`` if MPI does not start.
    init() throws {
      let thread = MPIThread()
      let setup = Setup()
      let code = thread.call { setup.run() }
      guard code == MPI_SUCCESS else {
        throw InputError("MPI does not start: \(Self.text { cmpi_error(code, $0) })")
      }
      self.thread = thread
      (group, lastGroup, library) = (setup.group, setup.lastGroup, Self.short(setup.library))
      let (rank, size) = (Int(setup.rank), Int(setup.size))
      let names = Self.gatherNames(setup.host, rank: rank, size: size, thread: thread, group: group)
      hosts = names
      world = World(rank: rank, size: size, ranksOnHost: names.count { $0 == names[rank] })
    }

    /// The given `members` of `all`.
    private init(_ members: [Int], of all: MPICommunicator, group: CMPIGroup) {
      thread = all.thread
      self.group = group
      (lastGroup, library) = (all.lastGroup, all.library)
      let names = members.map { all.hosts[$0] }
      let rank = members.firstIndex(of: all.world.rank) ?? 0
      hosts = names
      world = World(rank: rank, size: names.count, ranksOnHost: names.count { $0 == names[rank] })
    }

    private final class Setup: @unchecked Sendable {
      var group = CMPIGroup()
      var lastGroup = CMPIGroup()
      var rank: Int32 = 0
      var size: Int32 = 1
      var library = ""
      var host = ""

      func run() -> Int32 {
        for call in [
          cmpi_start, { cmpi_rank(&self.rank) }, { cmpi_size(&self.size) },
          { cmpi_copy_of_world(&self.group) }, { cmpi_copy_of_world(&self.lastGroup) },
        ] {
          let code = call()
          guard code == MPI_SUCCESS else { return code }
        }
        library = MPICommunicator.text { cmpi_library($0) }
        host = MPICommunicator.text { cmpi_host($0) }
        return Int32(MPI_SUCCESS)
      }
    }

    // MARK: Exchanges

    /// Starts `MPI_Ialltoallv`.
    public func startAllToAll(
      _ send: UnsafeRawBufferPointer, counts: [Int], into receive: UnsafeMutableRawBufferPointer,
      counts receiveCounts: [Int]
    ) -> any Collective {
      precondition(counts.reduce(0, +) <= send.count && receiveCounts.reduce(0, +) <= receive.count)
      sent.add(counts.reduce(0, +) - counts[world.rank], ordering: .relaxed)
      let (outgoing, incoming) = (Parts(counts), Parts(receiveCounts))
      let memory = Memory(send: send.baseAddress, receive: receive.baseAddress)
      return exchange { [group] request in
        cmpi_start_all_to_all(
          group, memory.send, outgoing.counts, outgoing.starts, memory.receive, incoming.counts,
          incoming.starts, &request)
      }
    }

    /// Starts `MPI_Iallgatherv`.
    public func startAllGather(_ buffer: UnsafeMutableRawBufferPointer, counts: [Int]) -> any Collective {
      precondition(counts.reduce(0, +) <= buffer.count)
      sent.add(counts[world.rank] * (world.size - 1), ordering: .relaxed)
      let parts = Parts(counts)
      let memory = Memory(send: nil, receive: buffer.baseAddress)
      return exchange { [group] request in
        cmpi_start_all_gather(group, memory.receive, parts.counts, parts.starts, &request)
      }
    }

    /// Starts `MPI_Ibcast`.
    public func startBroadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) -> any Collective {
      if world.rank == root { sent.add(buffer.count * (world.size - 1), ordering: .relaxed) }
      let memory = Memory(send: nil, receive: buffer.baseAddress)
      let (count, root) = (Int32(buffer.count), Int32(root))
      return exchange { [group] request in cmpi_start_broadcast(group, memory.receive, count, root, &request)
      }
    }

    /// Starts `MPI_Ibarrier`.
    public func startBarrier() -> any Collective {
      exchange { [group] request in cmpi_start_barrier(group, &request) }
    }

    /// Calls `MPI_Comm_split`.
    public func group(_ number: Int) throws -> any Communicator {
      let numbers = try gather(number)
      let split = Split()
      let (group, color, rank) = (group, numbers.firstIndex(of: number) ?? 0, world.rank)
      let code = thread.call { cmpi_split(group, Int32(color), Int32(rank), &split.part) }
      guard code == MPI_SUCCESS else {
        throw InputError("ranks do not form groups: \(Self.text { cmpi_error(code, $0) })")
      }
      return MPICommunicator(
        numbers.indices.filter { numbers[$0] == number }, of: self, group: split.part)
    }

    private final class Split: @unchecked Sendable {
      var part = CMPIGroup()
    }

    // MARK: The end

    /// What every rank says at its end: nil where it ended well. The texts of all, in order, or nil if some
    /// have not come after `seconds`, where these are given.
    func lastWords(_ words: String?, within seconds: Double?) -> [String?]? {
      let room = 2_048
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room * world.size, alignment: 8)
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      var bytes: [UInt8] = words == nil ? [0] : [1]
      bytes += (words ?? "").utf8.prefix(room - 1)
      UnsafeMutableRawBufferPointer(rebasing: buffer[(room * world.rank)...]).copyBytes(from: bytes)
      let parts = Parts(Array(repeating: room, count: world.size))
      let memory = Memory(send: nil, receive: buffer.baseAddress)
      let job = thread.start { [lastGroup] request in
        cmpi_start_all_gather(lastGroup, memory.receive, parts.counts, parts.starts, &request)
      }
      let end = seconds.map { Date(timeIntervalSinceNow: $0) }
      // Where some never come, the library keeps the buffer until the process ends.
      guard thread.wait(for: job, until: end) == Int32(MPI_SUCCESS) else { return nil }
      defer { buffer.deallocate() }
      return (0..<world.size).map { rank in
        let text = buffer[(room * rank)..<(room * (rank + 1))]
        return text.first == 0 ? nil : String(decoding: text.dropFirst().prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    /// Leaves MPI, as every rank must before its process ends well.
    func finish() { thread.call { cmpi_finish() } }

    /// Ends the processes of all ranks.
    func abort() -> Never {
      thread.call { cmpi_abort(1) }
      _exit(1)
    }

    // MARK: Parts

    /// The sizes of parts that follow each other, as MPI wants them.
    private struct Parts {
      let counts: [Int32]
      let starts: [Int32]

      init(_ counts: [Int]) {
        var start = 0
        starts = counts.map { count in
          defer { start += count }
          return Int32(start)
        }
        self.counts = counts.map { Int32($0) }
      }
    }

    private struct Memory: @unchecked Sendable {
      var send: UnsafeRawPointer?
      var receive: UnsafeMutableRawPointer?
    }

    private func exchange(_ call: @escaping (inout CMPIRequest) -> Int32) -> any Collective {
      Exchange(thread: thread, job: thread.start(call))
    }

    private final class Exchange: Collective {
      private let thread: MPIThread
      private let job: MPIThread.Job

      init(thread: MPIThread, job: MPIThread.Job) {
        self.thread = thread
        self.job = job
      }

      func wait() throws {
        let code = thread.wait(for: job) ?? Int32(MPI_SUCCESS)
        guard code == MPI_SUCCESS else {
          throw InputError(
            "the exchange between ranks failed: \(MPICommunicator.text { cmpi_error(code, $0) })")
        }
      }
    }

    private static func gatherNames(
      _ name: String, rank: Int, size: Int, thread: MPIThread, group: CMPIGroup
    ) -> [String] {
      let room = 256
      var buffer = [UInt8](repeating: 0, count: room * size)
      for (index, byte) in name.utf8.prefix(room - 1).enumerated() { buffer[rank * room + index] = byte }
      let parts = Parts(Array(repeating: room, count: size))
      buffer.withUnsafeMutableBytes { bytes in
        let memory = Memory(send: nil, receive: bytes.baseAddress)
        let job = thread.start {
          cmpi_start_all_gather(group, memory.receive, parts.counts, parts.starts, &$0)
        }
        _ = thread.wait(for: job)
      }
      return (0..<size).map { rank in
        String(decoding: buffer[(rank * room)..<((rank + 1) * room)].prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    private static func text(_ write: (UnsafeMutablePointer<CChar>) -> Int32) -> String {
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: cmpi_text_capacity()) { room in
        room.initialize(repeating: 0)
        guard let start = room.baseAddress, write(start) == MPI_SUCCESS else { return "unknown" }
        return String(cString: start)
      }
    }

    /// "Open MPI 4.1.4" or "MPICH 4.0.2" from the pages that libraries say about themselves.
    static func short(_ text: String) -> String {
      let line = text.split(whereSeparator: { $0 == "\n" || $0 == "," }).first.map(String.init) ?? "MPI"
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      return words.map { word in
        if word == "Version:" { return "" }
        return word.first == "v" && word.dropFirst().first?.isNumber == true ? String(word.dropFirst()) : word
      }.filter { !$0.isEmpty }.joined(separator: " ")
    }
  }
#endif
