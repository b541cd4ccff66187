import Foundation

/// How the learning rate changes over a run, as a factor of its peak.
///
/// Steps are counted from 1. Every schedule rises linearly over `warmUpSteps` steps, so that the last of them
/// has the full rate.
public struct LearningRateSchedule: Sendable, Hashable {
  /// What comes after the warm-up.
  public enum Kind: String, Sendable, CaseIterable {
    /// Half a cosine from the peak down to the floor at the last step (Loshchilov and Hutter, "SGDR", 2017).
    case cosine
    /// The peak, then a straight line to the floor over the last `decaySteps` steps (Hu et al., "MiniCPM",
    /// 2024).
    case warmUpStableDecay = "warm-up-stable-decay"
    /// The peak until the end.
    case constant
  }

  /// What comes after the warm-up.
  public var kind: Kind
  /// The number of steps of the run.
  public var steps: Int
  /// The number of steps that the rate rises.
  public var warmUpSteps: Int
  /// The number of steps that the rate falls; read by ``Kind/warmUpStableDecay`` only.
  public var decaySteps: Int
  /// The factor at the last step, 0 ... 1; not read by ``Kind/constant``.
  public var floor: Double

  /// Bundles the numbers.
  public init(kind: Kind, steps: Int, warmUpSteps: Int, decaySteps: Int = 0, floor: Double) {
    self.kind = kind
    self.steps = steps
    self.warmUpSteps = warmUpSteps
    self.decaySteps = decaySteps
    self.floor = floor
  }

  /// The factor of the peak learning rate at `step`, which is counted from 1.
  public func factor(step: Int) -> Double {
    guard step > warmUpSteps else { return Double(step) / Double(warmUpSteps) }
    switch kind {
    case .constant:
      return 1
    case .cosine:
      let progress = share(of: step - warmUpSteps, in: steps - warmUpSteps)
      return floor + (1 - floor) * 0.5 * (1 + cos(.pi * progress))
    case .warmUpStableDecay:
      let progress = share(of: step - (steps - decaySteps), in: decaySteps)
      return floor + (1 - floor) * (1 - progress)
    }
  }

  private func share(of part: Int, in whole: Int) -> Double {
    guard part > 0 else { return 0 }
    return whole > 0 ? min(1, Double(part) / Double(whole)) : 1
  }
}
