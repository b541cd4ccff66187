/// Which attention a layer computes: one family, from ordinary causal attention to CASTLE.
///
/// The scores of a query at position t are, for every s ≤ t (Equations (2)),
///
///     a_s = q_t · k_s / √d − SiLU(q_t · u_s / √d)
///
/// where the lookahead key u_s has read the tokens after s, up to t and at most `window` of them. Causal
/// attention may be limited to the ``visibleTokens`` last s.
public struct Mechanism: Sendable, Hashable {
  /// How many of the tokens after its own a key may read.
  public enum Window: Sendable, Hashable {
    /// At most this many; 0 is ordinary causal attention.
    case tokens(Int)
    /// All that have come: CASTLE.
    case unlimited
  }

  /// How far the lookahead keys see. Traps if it is set to a negative number of tokens, or to any in
  /// attention that is limited to ``visibleTokens``.
  public var window: Window {
    didSet {
      Self.check(window)
      precondition(visibleTokens == nil || !hasLookahead, "lookahead keys in limited causal attention")
    }
  }

  /// Whether the lookahead term passes through SiLU; false is the ablation a_s = q·k/√d − q·u/√d.
  public var appliesSiLU: Bool

  /// Whether the scores contain the causal term q·k/√d; false is the ablation without causal keys.
  public var usesCausalKeys: Bool

  /// How many tokens a query sees, its own and those just before it; nil if it sees all. Ordinary causal
  /// attention alone may be limited, as in Mistral's sliding window (Jiang et al., "Mistral 7B", 2023).
  public let visibleTokens: Int?

  /// Traps if `window` is a negative number of tokens.
  public init(window: Window, appliesSiLU: Bool = true, usesCausalKeys: Bool = true) {
    Self.check(window)
    self.window = window
    self.appliesSiLU = appliesSiLU
    self.usesCausalKeys = usesCausalKeys
    visibleTokens = nil
  }

  private init(visibleTokens: Int) {
    precondition(visibleTokens > 0, "a query that sees \(visibleTokens) tokens")
    window = .tokens(0)
    appliesSiLU = true
    usesCausalKeys = true
    self.visibleTokens = visibleTokens
  }

  private static func check(_ window: Window) {
    if case .tokens(let count) = window { precondition(count >= 0, "negative lookahead window") }
  }

  /// Ordinary causal attention: no lookahead.
  public static let causal = Mechanism(window: .tokens(0))

  /// Causal attention in which a query sees the last `count` tokens alone, its own among them. Traps below
  /// one.
  public static func causal(lastTokens count: Int) -> Mechanism { Mechanism(visibleTokens: count) }

  /// Full CASTLE: every key has read all tokens that have come.
  public static let castle = Mechanism(window: .unlimited)

  /// CASTLE-SWL: every key has read at most `window` tokens after its own.
  public static func slidingWindow(_ window: Int) -> Mechanism { Mechanism(window: .tokens(window)) }

  /// Whether there are lookahead keys at all; without them q^U, k^U and v^U are not read.
  public var hasLookahead: Bool { window != .tokens(0) }

  /// ``visibleTokens`` as a number of tokens, `Int.max` when unlimited.
  @inlinable public var visibleLength: Int { visibleTokens ?? .max }

  /// Whether the key of a token has read the token `distance` after it: 1 ≤ distance ≤ W.
  @inlinable
  public func reads(distance: Int) -> Bool { distance >= 1 && distance <= windowLength }

  /// The window as a number of tokens, `Int.max` when unlimited.
  public var windowLength: Int {
    switch window {
    case .tokens(let count): count
    case .unlimited: .max
    }
  }
}

extension Mechanism {
  /// The mechanisms by the names that configurations and options have for them.
  public enum Kind: String, Sendable, CaseIterable, Encodable {
    /// Ordinary causal attention.
    case causal
    /// Full CASTLE.
    case castle
    /// CASTLE with a window.
    case castleSWL = "castle-swl"
  }

  /// The mechanism of that kind. `window` counts for ``Kind/castleSWL`` alone; traps if it is negative.
  public init(_ kind: Kind, window: Int) {
    switch kind {
    case .causal: self = .causal
    case .castle: self = .castle
    case .castleSWL: self = .slidingWindow(window)
    }
  }

  /// The kind; a window of 0 tokens is causal attention.
  public var kind: Kind {
    switch window {
    case .tokens(0): .causal
    case .tokens: .castleSWL
    case .unlimited: .castle
    }
  }

  /// The name of the kind: causal, castle or castle-swl.
  public var name: String { kind.rawValue }
}
