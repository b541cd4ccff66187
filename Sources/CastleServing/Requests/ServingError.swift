/// Why a request is not taken although nothing is wrong with its tokens.
public enum ServingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The caches of so many tokens take more than all the memory that was planned for caches, in bytes.
  case cannotFit(tokens: Int, neededBytes: Int, plannedBytes: Int)
  /// As many requests wait as may.
  case queueFull(length: Int)
  /// The engine takes no more requests.
  case shutDown

  /// One line with the numbers.
  public var description: String {
    switch self {
    case .cannotFit(let tokens, let needed, let planned):
      "\(tokens) tokens take \(needed) bytes of caches, more than the \(planned) planned for all requests;"
        + " ask for fewer tokens"
    case .queueFull(let length): "\(length) requests wait already, which is the most; try again later"
    case .shutDown: "the engine is shutting down and takes no more requests"
    }
  }
}
