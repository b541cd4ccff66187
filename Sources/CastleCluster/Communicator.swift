/// How the ranks of a ``World`` exchange bytes.
///
/// Every rank makes the same calls in the same order. A call starts an exchange and returns;
/// ``Collective/wait()`` returns when this rank's part in it is done. Until then the memory that was given
/// must stay where it is, what is sent must not change, and what is received must not be read. Several
/// exchanges may be on their way at a time.
///
/// Sums are not made here but by those who receive: in the order of the ranks, so that they do not depend on
/// the implementation, and every rank has the same bits.
public protocol Communicator: AnyObject {
  /// The ranks, and which of them this is.
  var world: World { get }
  /// What carries the exchanges, and its version.
  var library: String { get }
  /// The host of each rank, as messages call it.
  var hosts: [String] { get }
  /// What this rank has sent to others so far, in bytes, not counting how a network packs them.
  var bytesSent: Int { get }

  /// Sends consecutive parts of `send`, of `counts` bytes, to the ranks in order; what comes from them lies
  /// in `receive` one after the other, `receiveCounts` bytes from each. Traps if the counts do not fit the
  /// memory.
  func startAllToAll(
    _ send: UnsafeRawBufferPointer, counts: [Int], into receive: UnsafeMutableRawBufferPointer,
    counts receiveCounts: [Int]
  ) -> any Collective

  /// `buffer` consists of a part for each rank, of `counts` bytes, and this rank has written its own:
  /// afterwards all parts are there. Traps if the counts do not fit the memory.
  func startAllGather(_ buffer: UnsafeMutableRawBufferPointer, counts: [Int]) -> any Collective

  /// Copies what rank `root` has in `buffer` to the equally large buffers of all others.
  func startBroadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) -> any Collective

  /// An exchange of nothing, which is done when every rank has started it.
  func startBarrier() -> any Collective

  /// The ranks that have given the same `number` as a world of their own, in the order of this one. What they
  /// exchange there has nothing to do with what they exchange here, and is counted apart. Returns when all
  /// ranks of this world have called.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func group(_ number: Int) throws -> any Communicator
}

/// An exchange among ranks that has been started.
public protocol Collective: AnyObject {
  /// Returns when the exchange is done for this rank. To be called once.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  func wait() throws
}
