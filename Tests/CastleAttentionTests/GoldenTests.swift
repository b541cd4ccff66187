import CastleAttention
import CastleMeasurement
import CastleFormats
import CastleTensors
import Foundation
import Testing

/// All forms against float64 results of an independent implementation, `Golden/make_golden.py`.
///
/// `CASTLE_GOLDEN` may name another folder of such files.
@Suite(.serialized)
struct GoldenTests {
  /// The flags of a variant, as the files' metadata has them.
  struct Flags: Decodable {
    var window: Int?
    var silu: Bool
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var causal_keys: Bool

    var mechanism: Mechanism {
      Mechanism(
        window: window.map { .tokens($0) } ?? .unlimited, appliesSiLU: silu, usesCausalKeys: causal_keys)
    }
  }

  static let files: [String] = {
    let folder =
      ProcessInfo.processInfo.environment["CASTLE_GOLDEN"]
      ?? Bundle.module.resourcePath.map { $0 + "/Golden" } ?? ""
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".safetensors") }.sorted().map { folder + "/" + $0 }
  }()

  @Test("golden files are there")
  func filesExist() {
    #expect(!Self.files.isEmpty)
  }

  @Test("every form agrees with the golden results", arguments: files)
  func agrees(path: String) throws {
    let file = try SafetensorsFile(path: path)
    let variants = try JSONDecoder().decode(
      [String: Flags].self, from: Data((file.metadata["variants"] ?? "{}").utf8))
    #expect(!variants.isEmpty)
    for (name, flags) in variants {
      try check(file, variant: name, flags.mechanism)
    }
  }

  private func check(_ file: SafetensorsFile, variant: String, _ mechanism: Mechanism) throws {
    let recurrent: AttentionProblem<Double> = try Self.load(file)
    ReferenceAttention.recurrent(
      recurrent.projections, mechanism: mechanism, documents: recurrent.documents, results: recurrent.results)
    try compare(recurrent, file, variant, mechanism, names: ["o", "lse", "u"])

    let parallel: AttentionProblem<Double> = try Self.load(file)
    parallel.computeReference(mechanism)
    let names = ["o", "lse", "u", "dqu", "dku", "dvu", "dqc", "dkc", "dvc"]
    try compare(parallel, file, variant, mechanism, names: names)

    let naive: AttentionProblem<Float> = try Self.load(file)
    naive.computeReference(mechanism)
    let blocked: AttentionProblem<Float> = try Self.load(file)
    blocked.computeBlocked(mechanism, threads: 2)
    let results = blocked.computed(mechanism)
    let truth = try results.map { ($0.name, try file.doubles("\(variant).\($0.name)")) }
    let bounds = RoundingBound.bounds(parallel, mechanism, inputsAreRounded: true)
    ReferenceSolution(naive: naive.computed(mechanism), truth: truth, bounds: bounds).check(results, variant)
  }

  /// Expects two computations in double precision to differ by no more than rounding.
  private func compare(
    _ problem: AttentionProblem<Double>, _ file: SafetensorsFile, _ variant: String, _ mechanism: Mechanism,
    names: [String]
  ) throws {
    for (name, values) in problem.computed(mechanism) where names.contains(name) {
      let truth = try file.doubles("\(variant).\(name)")
      let size = truth.reduce(1) { max($0, abs($1)) }
      let worst = zip(values, truth).reduce(0.0) { max($0, abs($1.0 - $1.1)) }
      #expect(values.count == truth.count)
      #expect(worst <= 1e-10 * size, "\(variant).\(name) is off by \(worst)")
    }
  }

  private static func load<Scalar>(_ file: SafetensorsFile) throws -> AttentionProblem<Scalar> {
    let shape = try file.tensor("qc").shape
    let problem = AttentionProblem<Scalar>(
      .init(batch: shape[0], queryHeads: shape[1], kvHeads: shape[1], length: shape[2], headSize: shape[3]),
      seed: 0)
    guard let lookahead = problem.projections.lookahead else { return problem }
    let views = [
      ("qu", lookahead.qu), ("ku", lookahead.ku), ("vu", lookahead.vu), ("qc", problem.projections.qc),
      ("kc", problem.projections.kc), ("vc", problem.projections.vc), ("do", problem.dOutput),
    ]
    for (name, view) in views {
      var numbers = try file.doubles(name).makeIterator()
      view.forEach { $0.pointee = Scalar(numbers.next() ?? .nan) }
    }
    return problem
  }
}
