import CastleFormats

extension RotaryScaling {
  /// What rotary positions a `config.json` asks for.
  ///
  /// Version 4 of transformers writes `rope_theta` and `rope_scaling`, version 5 `rope_parameters` with the
  /// base among them. Where a file says something twice, the two must agree.
  ///
  /// - Throws: ``InputError`` that names the key, its value and what would be right.
  static func read(
    _ object: ConfigurationObject, maximumLength: Int
  ) throws -> (theta: Double, scaling: RotaryScaling) {
    let outer = try object.number(ifPresent: "rope_theta")
    var found: (key: String, theta: Double?, scaling: RotaryScaling)?
    for key in ["rope_scaling", "rope_parameters"] {
      guard let parameters = try object.object(ifPresent: key) else { continue }
      let next = try RotaryParameters(
        parameters, key: key, configuration: object, maximumLength: maximumLength)
      if let found, found.scaling != next.scaling || found.theta ?? next.theta != next.theta ?? found.theta {
        throw InputError("\(found.key) and \(key) contradict each other: leave out one of them")
      }
      found = (key, next.theta ?? found?.theta, next.scaling)
    }
    if let found, let inner = found.theta, let outer, inner != outer {
      throw InputError(
        "rope_theta is \(outer), and \(inner) in \(found.key): leave out one of them")
    }
    return (found?.theta ?? outer ?? 10_000, found?.scaling ?? .none)
  }

  /// The object under `rope_scaling`; nil without scaling.
  var json: JSONValue? {
    var members: JSONValue.Members
    switch self {
    case .none: return nil
    case .linear(let factor): members = ["rope_type": .string("linear"), "factor": .number(factor)]
    case .dynamic(let factor): members = ["rope_type": .string("dynamic"), "factor": .number(factor)]
    case .llama3(let numbers):
      members = [
        "rope_type": .string("llama3"), "factor": .number(numbers.factor),
        "low_freq_factor": .number(numbers.lowFrequencyFactor),
        "high_freq_factor": .number(numbers.highFrequencyFactor),
        "original_max_position_embeddings": .integer(numbers.originalLength),
      ]
    case .yarn(let numbers):
      members = [
        "rope_type": .string("yarn"), "factor": .number(numbers.factor),
        "original_max_position_embeddings": .integer(numbers.originalLength),
        "beta_fast": .number(numbers.fastTurns), "beta_slow": .number(numbers.slowTurns),
        "truncate": .bool(numbers.roundsBounds),
      ]
      members["attention_factor"] = numbers.attentionFactor.map { .number($0) }
      members["mscale"] = numbers.meanScale.map { .number($0) }
      members["mscale_all_dim"] = numbers.meanScaleOfAll.map { .number($0) }
    }
    return .object(members)
  }
}

/// The members of `rope_scaling` or `rope_parameters`.
private struct RotaryParameters {
  let theta: Double?
  let scaling: RotaryScaling

  private let parameters: ConfigurationObject
  private let key: String

  init(
    _ parameters: ConfigurationObject, key: String, configuration: ConfigurationObject, maximumLength: Int
  ) throws {
    self.parameters = parameters
    self.key = key
    func refuse(_ problem: String) -> InputError { InputError("\(key) \(problem)") }
    let kinds = try ["rope_type", "type"].compactMap { try parameters.string(ifPresent: $0) }
    guard Set(kinds).count <= 1 else {
      throw refuse("has the rope_type \"\(kinds[0])\" and the type \"\(kinds[1])\": leave out one of them")
    }
    guard try parameters.number("partial_rotary_factor", default: 1) == 1 else {
      throw refuse("has a partial_rotary_factor, only 1 is implemented")
    }
    theta = try parameters.number(ifPresent: "rope_theta")

    func number(_ name: String, _ range: ClosedRange<Double> = 1...1e6) throws -> Double {
      guard let value = try parameters.number(ifPresent: name) else { throw refuse("lacks \(name)") }
      guard range.contains(value) else {
        throw refuse(
          "has the \(name) \(value), it must be between \(range.lowerBound) and \(range.upperBound)")
      }
      return value
    }
    func number(ifPresent name: String, _ range: ClosedRange<Double>) throws -> Double? {
      try parameters.number(ifPresent: name).map { _ in try number(name, range) }
    }
    /// Phi-3 and others write it beside the object instead.
    func originalLength() throws -> Int {
      let name = "original_max_position_embeddings"
      let inner = try parameters.integer(ifPresent: name), outer = try configuration.integer(ifPresent: name)
      if let inner, let outer, inner != outer {
        throw refuse("has the \(name) \(inner), and config.json beside it \(outer): leave out one of them")
      }
      let length = inner ?? outer ?? maximumLength
      guard ModelLimits.length.contains(length) else {
        throw refuse("has the \(name) \(length), it must be a number of tokens, 1 or more")
      }
      return length
    }

    switch kinds.first ?? "default" {
    case "default", "none": scaling = .none
    case "linear": scaling = .linear(factor: try number("factor"))
    case "dynamic": scaling = .dynamic(factor: try number("factor"))
    case "llama3":
      let numbers = RotaryScaling.Llama3(
        factor: try number("factor"), lowFrequencyFactor: try number("low_freq_factor", 1e-6...1e6),
        highFrequencyFactor: try number("high_freq_factor", 1e-6...1e6), originalLength: try originalLength())
      guard numbers.lowFrequencyFactor < numbers.highFrequencyFactor else {
        throw refuse(
          "has the low_freq_factor \(numbers.lowFrequencyFactor), "
            + "which must be less than the high_freq_factor, \(numbers.highFrequencyFactor)")
      }
      scaling = .llama3(numbers)
    case "yarn":
      let original = try originalLength()
      // A null, unlike no key, stands for the growth of max_position_embeddings.
      let growth = parameters.members["factor"] == .null ? Double(maximumLength) / Double(original) : nil
      var numbers = RotaryScaling.Yarn(
        factor: try growth.map { max(1, $0) } ?? number("factor"), originalLength: original)
      numbers.attentionFactor = try number(ifPresent: "attention_factor", 1e-6...1e6)
      numbers.meanScale = try number(ifPresent: "mscale", 0...1e6)
      numbers.meanScaleOfAll = try number(ifPresent: "mscale_all_dim", 0...1e6)
      if let turns = try number(ifPresent: "beta_fast", 1e-6...1e6) { numbers.fastTurns = turns }
      if let turns = try number(ifPresent: "beta_slow", 1e-6...1e6) { numbers.slowTurns = turns }
      numbers.roundsBounds = try parameters.bool("truncate", default: true)
      guard numbers.slowTurns < numbers.fastTurns else {
        throw refuse(
          "has the beta_slow \(numbers.slowTurns), which must be less than beta_fast, \(numbers.fastTurns)")
      }
      scaling = .yarn(numbers)
    case let other:
      throw refuse(
        "asks for \"\(other)\" rotary positions; default, linear, dynamic, llama3 and yarn are implemented")
    }
  }
}
