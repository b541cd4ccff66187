import Synchronization

/// A client's connection: tells when the client goes away.
final class ClientConnection: Sendable {
  private struct State {
    var isClosed = false
    var nextKey = 0
    var actions: [Int: @Sendable () -> Void] = [:]
  }

  /// That through which the present request came.
  @TaskLocal static var current: ClientConnection?

  private let state = Mutex(State())
  private let closeNow: @Sendable () -> Void

  /// A connection that `closeNow` ends.
  init(closeNow: @escaping @Sendable () -> Void) {
    self.closeNow = closeNow
  }

  /// Calls `action` once when the client goes away, or now if it has. The result takes that back.
  func whenClosed(_ action: @escaping @Sendable () -> Void) -> Int {
    let key: Int? = state.withLock { state in
      guard !state.isClosed else { return nil }
      state.nextKey += 1
      state.actions[state.nextKey] = action
      return state.nextKey
    }
    guard let key else {
      action()
      return 0
    }
    return key
  }

  /// Forgets what ``whenClosed(_:)`` was given.
  func forget(_ key: Int) {
    state.withLock { _ = $0.actions.removeValue(forKey: key) }
  }

  /// The client is gone.
  func didClose() {
    let actions = state.withLock { state in
      state.isClosed = true
      defer { state.actions = [:] }
      return state.actions.values.map(\.self)
    }
    for action in actions { action() }
  }

  /// Ends the connection.
  func close() { closeNow() }
}
