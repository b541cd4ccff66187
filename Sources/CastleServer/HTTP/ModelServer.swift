#if Server
  import CastleFormats
  import Foundation
  internal import HummingbirdCore
  internal import Logging
  internal import NIOCore
  internal import NIOPosix
  import Synchronization

  /// Serves models over HTTP.
  ///
  /// ```swift
  /// let server = ModelServer(try RequestHandler(models: models, settings: settings))
  /// try await server.run { address in print("listening on \(address)") }
  /// ```
  package final class ModelServer: Sendable {
    let handler: RequestHandler
    let log: AccessLog?
    let budget: BodyBudget
    private let work = Mutex<Work?>(nil)

    /// What runs while requests are answered.
    private struct Work {
      let server: Server<ObservedChannel>
      let task: Task<Void, any Error>
    }

    /// A server that answers as `handler` says.
    package init(_ handler: RequestHandler, log: AccessLog? = nil) {
      self.handler = handler
      self.log = log
      budget = BodyBudget(limit: handler.settings.allBodyBytes)
    }

    /// Answers requests until ``shutDown()``, or until the task is cancelled.
    ///
    /// - Parameter didStart: Called with the server's address as soon as requests are answered.
    /// - Throws: `InputError` if the address cannot be taken.
    package func run(didStart: @escaping @Sendable (_ address: String) -> Void) async throws {
      let settings = handler.settings
      let logger = Logger(label: "castle") { _ in SwiftLogNoOpLogHandler() }
      let channel = HTTP1Channel(
        responder: { [self] request, writer, channel in
          try await respond(to: request, writer, channel)
        },
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [MalformedRequestCloser()],
          idleTimeout: .milliseconds(Int64(settings.idleSeconds * 1_000))))
      let server = Server(
        childChannelSetup: ObservedChannel(channel: channel, metrics: handler.metrics),
        configuration: ServerConfiguration(
          address: .hostname(settings.host, port: settings.port), backlog: 1_024,
          availableConnectionsDelegate: MaximumAvailableConnections(settings.connections, logger: logger)),
        onServerRunning: { channel in
          let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
          didStart("http://\(host):\(channel.localAddress?.port ?? settings.port)")
        },
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
      let task = Task { try await server.run() }
      work.withLock { $0 = Work(server: server, task: task) }
      do {
        try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          task.cancel()
        }
      } catch let error where !(error is CancellationError) {
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        throw InputError(
          "cannot listen at \(settings.host):\(settings.port): \(reason); choose another address or port")
      }
    }

    /// Refuses new requests, lets those that run go on for the time of grace, and ends.
    package func shutDown() async {
      let runs = handler.runs
      runs.close()
      await wait(seconds: handler.settings.graceSeconds) { runs.count == 0 }
      runs.endAll(throwing: APIError.shuttingDown)
      // The last words of those that were ended are still to be written.
      await wait(seconds: 2) { runs.count == 0 }
      if let work = work.withLock({ $0 }) {
        // Nothing is accepted any more before the task is cancelled: NIO traps on a connection that nobody
        // takes.
        let isClosed = Mutex(false)
        let closing = Task {
          try? await work.server.shutdownGracefully()
          isClosed.withLock { $0 = true }
        }
        await wait(seconds: 1) { isClosed.withLock { $0 } }
        work.task.cancel()
        closing.cancel()
      }
      for model in handler.models { await model.engine.shutDown() }
    }

    private func wait(seconds: Double, until isDone: () -> Bool) async {
      let end = ContinuousClock.now + .seconds(seconds)
      while !isDone(), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
    }
  }
#endif
