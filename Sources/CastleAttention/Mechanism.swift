/// Which attention a layer computes: one family, from ordinary causal attention to CASTLE.
///
/// The scores of a query at position t are, for every s ≤ t (Equations (2)),
///
///     a_s = q_t · k_s / √d − SiLU(q_t · u_s / √d)
///
/// where the lookahead key u_s has read the tokens after s, up to t and at most `window` of them.
public struct Mechanism: Sendable, Hashable {
  /// How many of the tokens after its own a key may read.
  public enum Window: Sendable, Hashable {
    /// At most this many; 0 is ordinary causal attention.
    case tokens(Int)
    /// All that have come: CASTLE.
    case unlimited
  }

  /// How far the lookahead keys see. Traps if it is set to a negative number of tokens.
  public var window: Window { didSet { Self.check(window) } }

  /// Whether the lookahead term passes through SiLU; false is the ablation a_s = q·k/√d − q·u/√d.
  public var appliesSiLU: Bool

  /// Whether the scores contain the causal term q·k/√d; false is the ablation without causal keys.
  public var usesCausalKeys: Bool

  /// Traps if `window` is a negative number of tokens.
  public init(window: Window, appliesSiLU: Bool = true, usesCausalKeys: Bool = true) {
    Self.check(window)
    self.window = window
    self.appliesSiLU = appliesSiLU
    self.usesCausalKeys = usesCausalKeys
  }

  private static func check(_ window: Window) {
    if case .tokens(let count) = window { precondition(count >= 0, "negative lookahead window") }
  }

  /// Ordinary causal attention: no lookahead.
  public static let causal = Mechanism(window: .tokens(0))

  /// Full CASTLE: every key has read all tokens that have come.
  public static let castle = Mechanism(window: .unlimited)

  /// CASTLE-SWL: every key has read at most `window` tokens after its own.
  public static func slidingWindow(_ window: Int) -> Mechanism { Mechanism(window: .tokens(window)) }

  /// Whether there are lookahead keys at all; without them q^U, k^U and v^U are not read.
  public var hasLookahead: Bool { window != .tokens(0) }

  /// The window as a number of tokens, `Int.max` when unlimited.
  public var windowLength: Int {
    switch window {
    case .tokens(let count): count
    case .unlimited: .max
    }
  }
}
