/// The result of a reduction, which may stay on the device until it is read.
///
/// Reading waits for the device, so read late: a training step adds up the losses of its batches and reads
/// them once.
///
/// ```swift
/// var sum = DeviceScalar(0)
/// for chunk in chunks { sum += backend.crossEntropy(chunk.logits, targets: chunk.targets, losses: losses) }
/// let loss = sum.value
/// ```
public struct DeviceScalar {
  private enum State {
    case known(Double)
    case pending(() -> Double)
  }

  private let state: State

  /// A number that the host knows.
  public init(_ value: Double) { state = .known(value) }

  /// A number that the device has or will have. `read` waits for it and gives the same each time.
  public init(read: @escaping () -> Double) { state = .pending(read) }

  /// The number; waits until the device has it.
  public var value: Double {
    switch state {
    case .known(let value): value
    case .pending(let read): read()
    }
  }

  /// The sum, which is on the device as long as one of the terms is.
  public static func + (left: DeviceScalar, right: DeviceScalar) -> DeviceScalar {
    if case .known(let a) = left.state, case .known(let b) = right.state { return DeviceScalar(a + b) }
    return DeviceScalar { left.value + right.value }
  }

  /// Adds `term` without reading either.
  public static func += (sum: inout DeviceScalar, term: DeviceScalar) { sum = sum + term }
}
