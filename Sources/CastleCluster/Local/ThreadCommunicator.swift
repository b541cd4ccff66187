import Foundation

/// The ranks of a world as threads of one process, each with memory of its own: for tests of what ranks do.
public final class ThreadCommunicator: Communicator, @unchecked Sendable {
  /// The threads, and which of them this is.
  public let world: World
  /// The memory of the process.
  public let library = "threads of one process"
  /// A name for each thread.
  public let hosts: [String]
  /// What this rank has sent to others so far, in bytes.
  public private(set) var bytesSent = 0

  private let board: Board
  /// Where the exchanges of these ranks lie on the board, apart from those of other groups.
  private let path: [Int]
  private var started = 0
  private var groupCount = 0

  private init(world: World, hosts: [String], board: Board, path: [Int]) {
    self.world = world
    self.hosts = hosts
    self.board = board
    self.path = path
  }

  /// Runs `body` as each of `count` ranks, and returns what they made of it, in order.
  ///
  /// - Throws: The error of the lowest rank that failed by itself. The others are woken, and throw ``Gone``
  ///   where they wait for it.
  public static func run<Result: Sendable>(
    ranks count: Int, _ body: @escaping @Sendable (ThreadCommunicator) throws -> Result
  ) throws -> [Result] {
    let board = Board(size: count)
    let group = DispatchGroup()
    for rank in 0..<count {
      group.enter()
      let thread = Thread {
        let communicator = ThreadCommunicator(
          world: World(rank: rank, size: count, ranksOnHost: count),
          hosts: (0..<count).map { "thread \($0)" }, board: board, path: [])
        let result = Swift.Result { try body(communicator) as any Sendable }
        board.end(rank, result)
        group.leave()
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
    group.wait()
    return try board.results().map { value in
      guard let value = value as? Result else { preconditionFailure("a rank made something else") }
      return value
    }
  }

  /// The error of those who wait for a rank that has failed.
  public struct Gone: Error {}

  /// Sends copies.
  public func startAllToAll(
    _ send: UnsafeRawBufferPointer, counts: [Int], into receive: UnsafeMutableRawBufferPointer,
    counts receiveCounts: [Int]
  ) -> any Collective {
    precondition(
      counts.count == world.size && counts.reduce(0, +) <= send.count, "more than there is to send")
    precondition(receiveCounts.count == world.size && receiveCounts.reduce(0, +) <= receive.count, "no room")
    var start = 0
    let parts = counts.map { count in
      defer { start += count }
      return Array(send[start..<start + count])
    }
    return post(parts, into: receive, counts: receiveCounts)
  }

  /// Sends copies.
  public func startAllGather(_ buffer: UnsafeMutableRawBufferPointer, counts: [Int]) -> any Collective {
    precondition(counts.count == world.size && counts.reduce(0, +) <= buffer.count, "no room")
    let start = counts[..<world.rank].reduce(0, +)
    let own = Array(buffer[start..<start + counts[world.rank]])
    return post(Array(repeating: own, count: world.size), into: buffer, counts: counts)
  }

  /// Sends copies.
  public func startBroadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) -> any Collective {
    let own = world.rank == root ? Array(buffer) : []
    let counts = (0..<world.size).map { $0 == root ? buffer.count : 0 }
    return post(Array(repeating: own, count: world.size), into: buffer, counts: counts)
  }

  /// Sends nothing.
  public func startBarrier() -> any Collective {
    post(
      Array(repeating: [], count: world.size), into: UnsafeMutableRawBufferPointer(start: nil, count: 0),
      counts: Array(repeating: 0, count: world.size))
  }

  /// The threads that give the same number.
  public func group(_ number: Int) throws -> any Communicator {
    let numbers = try gather(number)
    let members = numbers.indices.filter { numbers[$0] == number }
    groupCount += 1
    return ThreadCommunicator(
      world: World(
        rank: members.firstIndex(of: world.rank) ?? 0, size: members.count, ranksOnHost: members.count),
      hosts: members.map { hosts[$0] }, board: board, path: path + [groupCount, number])
  }

  private func post(
    _ parts: [[UInt8]], into receive: UnsafeMutableRawBufferPointer, counts: [Int]
  ) -> any Collective {
    for (rank, part) in parts.enumerated() where rank != world.rank { bytesSent += part.count }
    let place = Board.Place(path: path, number: started)
    board.post(parts, at: place, from: world.rank)
    started += 1
    return Exchange(board: board, place: place, rank: world.rank, receive: receive, counts: counts)
  }

  private final class Exchange: Collective {
    private let board: Board
    private let place: Board.Place
    private let rank: Int
    private let receive: UnsafeMutableRawBufferPointer
    private let counts: [Int]

    init(
      board: Board, place: Board.Place, rank: Int, receive: UnsafeMutableRawBufferPointer, counts: [Int]
    ) {
      self.board = board
      self.place = place
      self.rank = rank
      self.receive = receive
      self.counts = counts
    }

    func wait() throws {
      var start = 0
      for (part, count) in zip(try board.take(from: place, to: rank), counts) {
        precondition(part.count == count, "a rank sent \(part.count) bytes where \(count) were expected")
        if count > 0 {
          UnsafeMutableRawBufferPointer(rebasing: receive[start..<start + count]).copyBytes(from: part)
        }
        start += count
      }
    }
  }

  /// What has been sent and not yet been taken.
  private final class Board: @unchecked Sendable {
    /// An exchange: whose it is, and its number among theirs.
    struct Place: Hashable {
      var path: [Int]
      var number: Int
    }

    private struct Entry {
      /// What each rank has sent to each.
      var parts: [[[UInt8]]?]
      var takers = 0
    }

    private let condition = NSCondition()
    private var entries: [Place: Entry] = [:]
    private var ends: [Result<any Sendable, any Error>?]

    init(size: Int) {
      ends = Array(repeating: nil, count: size)
    }

    func post(_ parts: [[UInt8]], at place: Place, from rank: Int) {
      condition.withLock {
        entries[place, default: Entry(parts: Array(repeating: nil, count: parts.count))].parts[rank] = parts
        condition.broadcast()
      }
    }

    func take(from place: Place, to rank: Int) throws -> [[UInt8]] {
      try condition.withLock {
        while true {
          if let entry = entries[place], !entry.parts.contains(where: { $0 == nil }) {
            entries[place]?.takers += 1
            if entry.takers + 1 == entry.parts.count { entries[place] = nil }
            return entry.parts.map { $0?[rank] ?? [] }
          }
          if ends.contains(where: { if case .failure = $0 { true } else { false } }) { throw Gone() }
          condition.wait()
        }
      }
    }

    func end(_ rank: Int, _ result: Result<any Sendable, any Error>) {
      condition.withLock {
        ends[rank] = result
        condition.broadcast()
      }
    }

    func results() throws -> [any Sendable] {
      let ends = condition.withLock { self.ends.compactMap(\.self) }
      for case .failure(let error) in ends where !(error is Gone) { throw error }
      return try ends.map { try $0.get() }
    }
  }
}
