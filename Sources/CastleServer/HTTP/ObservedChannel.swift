#if Server
  internal import HummingbirdCore
  internal import Logging
  internal import NIOCore
  internal import NIOHTTPTypes

  /// The channel of HTTP 1.1 with an eye on when its client goes away.
  struct ObservedChannel: ServerChildChannel {
    /// A channel and what watches it.
    struct Value: ServerChildChannelValue {
      let asyncChannel: HTTP1Channel.Value
      let connection: ClientConnection

      var channel: any Channel { asyncChannel.channel }
    }

    let channel: HTTP1Channel
    let metrics: ServerMetrics

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
      let connection = ClientConnection { channel.close(promise: nil) }
      let metrics = metrics
      metrics.didConnect(1)
      channel.closeFuture.whenComplete { _ in metrics.didConnect(-1) }
      return self.channel.setup(channel: channel, logger: logger).flatMapThrowing { asyncChannel in
        try channel.pipeline.syncOperations.addHandler(DisconnectObserver(connection), position: .first)
        return Value(asyncChannel: asyncChannel, connection: connection)
      }
    }

    func handle(value: Value, logger: Logger) async {
      await ClientConnection.$current.withValue(value.connection) {
        await channel.handle(value: value.asyncChannel, logger: logger)
      }
    }
  }

  /// Tells a ``ClientConnection`` when its client closes it.
  ///
  /// A client that only closes its sending side counts as gone: clients of HTTP do not do that and wait.
  private final class DisconnectObserver: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let connection: ClientConnection

    init(_ connection: ClientConnection) {
      self.connection = connection
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if let event = event as? ChannelEvent, event == .inputClosed { connection.didClose() }
      context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
      connection.didClose()
      context.fireChannelInactive()
    }
  }

  /// Closes a connection soon after something came through it that is not HTTP.
  ///
  /// The answer is 400. Whoever goes on sending instead of reading it would else hold the connection until it
  /// counts as idle.
  final class MalformedRequestCloser: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private static let delay = TimeAmount.seconds(2)

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      let channel = context.channel
      channel.eventLoop.scheduleTask(in: Self.delay) { channel.close(promise: nil) }
      context.fireErrorCaught(error)
    }
  }
#endif
