import CastleAttention
import CastleMeasurement
import Testing

/// What a problem's results have to be: the reference in double precision, and how far from it single
/// precision may be.
struct ReferenceSolution {
  typealias Results<Scalar> = [(name: String, values: [Scalar])]

  /// The reference in single precision.
  var naive: Results<Float>
  /// The reference in double precision.
  var truth: Results<Double>
  /// How far off rounding can carry every element, ``RoundingBound``.
  var bounds: Results<Double>
  /// The largest error of an element of the naive results, in units of its bound.
  private let worstNaiveShare: Double

  init(naive: Results<Float>, truth: Results<Double>, bounds: Results<Double>) {
    self.naive = naive
    self.truth = truth
    self.bounds = bounds
    worstNaiveShare = naive.indices.reduce(0) { worst, i in
      max(worst, Self.worstShare(of: naive[i].values, truth[i].values, bounds[i].values))
    }
  }

  /// The solution of the problem with the same sizes and seed.
  init(_ sizes: AttentionProblem<Float>.Sizes, _ mechanism: Mechanism, seed: UInt64) {
    let single = AttentionProblem<Float>(sizes, seed: seed)
    single.computeReference(mechanism)
    let double = AttentionProblem<Double>(sizes.inDouble, seed: seed)
    double.computeReference(mechanism)
    let truth = double.computed(mechanism)
    self.init(
      naive: single.computed(mechanism), truth: truth, bounds: RoundingBound.bounds(double, mechanism))
  }

  /// Expects what is in `computed` to be about as close to the truth as the naive results are, as a whole and
  /// in every element.
  func check(
    _ computed: Results<Float>, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    checkBounds(computed, comment, sourceLocation: sourceLocation)
    for (name, values) in computed {
      guard let place = place(name, values, sourceLocation) else { continue }
      ErrorBudget.check(
        values, naive: naive[place].values, truth: truth[place].values, "\(name); \(comment)",
        sourceLocation: sourceLocation)
      checkElements(values, at: place, "\(name); \(comment)", sourceLocation: sourceLocation)
    }
  }

  /// Expects every element of `computed` to lie within its rounding bound.
  func checkBounds(
    _ computed: Results<Float>, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (name, values) in computed {
      guard let place = place(name, values, sourceLocation) else { continue }
      let worst = Self.worstShare(of: values, truth[place].values, bounds[place].values)
      #expect(
        worst <= 1, "\(name): an element \(worst) times its rounding bound off; \(comment)",
        sourceLocation: sourceLocation)
    }
  }

  /// Expects no element to come more than twice as close to its bound as the worst naive element of any
  /// result does.
  ///
  /// A bound assumes that all roundings push the same way; over a thousand tokens those of gradients exceed
  /// the gradients. So only how they compare with each other is taken from them; their scale is measured.
  private func checkElements(
    _ values: [Float], at place: Int, _ comment: String, sourceLocation: SourceLocation
  ) {
    let truth = truth[place].values
    let floor = ErrorBudget.floor * ErrorBudget.size(truth)
    let limits = bounds[place].values.map { ErrorBudget.factor * worstNaiveShare * $0 + floor }
    let worst = Self.worstShare(of: values, truth, limits)
    #expect(
      worst <= 1, "an element \(worst) times as far off as allowed: \(comment)",
      sourceLocation: sourceLocation)
  }

  /// Where the result with this name is. Expects it to have as many elements.
  private func place(_ name: String, _ values: [Float], _ sourceLocation: SourceLocation) -> Int? {
    let place = truth.firstIndex { $0.name == name && $0.values.count == values.count }
    #expect(place != nil, "\(name): no such result", sourceLocation: sourceLocation)
    return place
  }

  /// The largest error of an element, in units of its bound; infinite if one is not a number.
  private static func worstShare(of values: [Float], _ truth: [Double], _ bounds: [Double]) -> Double {
    values.indices.reduce(0.0) { worst, i in
      let share = abs(Double(values[i]) - truth[i]) / (bounds[i] + Double(Float.leastNormalMagnitude))
      return share.isNaN ? .infinity : max(worst, share)
    }
  }
}
