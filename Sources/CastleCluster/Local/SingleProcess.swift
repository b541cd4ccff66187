/// A world of one: nothing is sent, and nothing costs anything.
public final class SingleProcess: Communicator, Sendable {
  /// Makes one.
  public init() {}

  /// One rank.
  public let world = World.single
  /// Nothing carries anything.
  public let library = "one process"
  /// This host has no name of its own where there is no other.
  public let hosts = ["this host"]
  /// Nothing.
  public let bytesSent = 0

  /// Copies.
  public func startAllToAll(
    _ send: UnsafeRawBufferPointer, counts: [Int], into receive: UnsafeMutableRawBufferPointer,
    counts receiveCounts: [Int]
  ) -> any Collective {
    precondition(counts == receiveCounts && counts == [send.count] && receive.count >= send.count)
    receive.copyMemory(from: send)
    return Done()
  }

  /// Does nothing.
  public func startAllGather(_ buffer: UnsafeMutableRawBufferPointer, counts: [Int]) -> any Collective {
    Done()
  }

  /// Does nothing.
  public func startBroadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) -> any Collective {
    Done()
  }

  /// Does nothing.
  public func startBarrier() -> any Collective { Done() }

  /// The same single process.
  public func group(_ number: Int) -> any Communicator { self }

  private final class Done: Collective {
    func wait() {}
  }
}
