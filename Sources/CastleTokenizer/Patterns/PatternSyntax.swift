/// A regular expression as a tree.
indirect enum PatternSyntax: Equatable, Sendable {
  /// Nothing.
  case empty
  /// One character of a set.
  case set(ScalarSet)
  /// All, one after another.
  case sequence([PatternSyntax])
  /// The first that leads to a match.
  case alternatives([PatternSyntax])
  /// From `minimum` to `maximum` times.
  case repetition(PatternSyntax, minimum: Int, maximum: Int, Greed)
  /// What it matches is not tried in another way.
  case atomic(PatternSyntax)
  /// What stands ahead or behind, or does not.
  case look(PatternSyntax, isBehind: Bool, isNegative: Bool)
  /// A place.
  case anchor(Anchor)

  /// How many a repetition takes.
  enum Greed: Sendable {
    /// As many as possible, fewer if the rest does not match.
    case greedy
    /// As few as possible, more if the rest does not match.
    case lazy
    /// As many as possible.
    case possessive
  }

  /// A place in the text.
  enum Anchor: Int32, Sendable {
    case textStart, textEnd, lineStart, lineEnd, textEndOrLastLineEnd, wordBoundary, noWordBoundary
  }

  /// Stands for any number of times.
  static let unlimited = Int.max

  /// The fewest and most characters that it matches; the most is nil if there is no limit.
  var width: (minimum: Int, maximum: Int?) {
    switch self {
    case .empty, .look, .anchor: return (0, 0)
    case .set: return (1, 1)
    case .atomic(let part): return part.width
    case .sequence(let parts):
      return parts.reduce((0, 0)) { sum, part in
        let width = part.width
        let maximum = sum.1.flatMap { sum in width.maximum.map { sum + $0 } }
        return (sum.0 + width.minimum, maximum)
      }
    case .alternatives(let parts):
      let widths = parts.map(\.width)
      let maxima = widths.compactMap(\.maximum)
      return (widths.map(\.minimum).min() ?? 0, maxima.count == widths.count ? maxima.max() : nil)
    case .repetition(let part, let minimum, let maximum, _):
      let width = part.width
      let most = maximum == Self.unlimited ? nil : width.maximum.map { $0 * maximum }
      return (width.minimum * minimum, width.maximum == 0 ? 0 : most)
    }
  }

  /// Whether a repetition without limit has another one in it, which could try more ways than any time
  /// allows.
  var nestsUnlimited: Bool {
    switch self {
    case .empty, .set, .anchor: return false
    case .atomic(let part), .look(let part, _, _): return part.nestsUnlimited
    case .sequence(let parts), .alternatives(let parts): return parts.contains(where: \.nestsUnlimited)
    case .repetition(let part, _, let maximum, let greed):
      return part.nestsUnlimited
        || maximum == Self.unlimited && greed != .possessive && part.repeatsUnlimited
    }
  }

  /// Whether something in it may occur any number of times.
  private var repeatsUnlimited: Bool {
    switch self {
    case .empty, .set, .anchor, .atomic, .look: false
    case .sequence(let parts), .alternatives(let parts): parts.contains(where: \.repeatsUnlimited)
    case .repetition(let part, _, let maximum, let greed):
      greed != .possessive && maximum == Self.unlimited || part.repeatsUnlimited
    }
  }
}
