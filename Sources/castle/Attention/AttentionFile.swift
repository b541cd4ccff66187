import CastleAttention
import CastleFormats
import CastleMeasurement

/// The inputs of attention, read from a safetensors file, and room for everything computed from them.
final class AttentionFile<Scalar: BinaryFloatingPoint> {
  let mechanism: Mechanism
  let documents: Documents
  let inputs: [String: HeadTensor<Scalar>]
  let dOutput: HeadTensor<Scalar>?
  let output: HeadTensor<Scalar>
  let logSumExp: HeadTensor<Scalar>
  let lookaheadKeys: HeadTensor<Scalar>?
  private(set) var gradients: [String: HeadTensor<Scalar>] = [:]

  private static var lookaheadNames: [String] { ["qu", "ku", "vu"] }

  /// Reads `qc kc vc`, for mechanisms with lookahead `qu ku vu`, and `do` if it is there.
  init(path: String, mechanism: Mechanism, documentLengths: [Int]?) throws {
    let file = try SafetensorsFile(path: path)
    self.mechanism = mechanism
    let names = (mechanism.hasLookahead ? Self.lookaheadNames : []) + ["qc", "kc", "vc"]
    var inputs: [String: HeadTensor<Scalar>] = [:]
    for name in names { inputs[name] = try HeadTensor(name, in: file) }
    guard let qc = inputs["qc"], let kc = inputs["kc"] else { throw InputError("\(path) has no qc and kc") }
    for (name, tensor) in inputs.sorted(by: { $0.key < $1.key }) where name != "qc" {
      guard tensor.isSameShape(as: kc) else {
        throw InputError("tensor \(name) of \(path) has shape \(tensor.shape), but kc has \(kc.shape)")
      }
    }
    guard qc.isSameShape(as: kc, ignoringHeads: true), qc.view.heads % kc.view.heads == 0 else {
      throw InputError(
        "tensor qc of \(path) has shape \(qc.shape), but kc has \(kc.shape); only the heads may differ, "
          + "and qc must have a multiple of them")
    }
    self.inputs = inputs
    dOutput = file.names.contains("do") ? try HeadTensor("do", in: file) : nil
    if let dOutput, !dOutput.isSameShape(as: qc) {
      throw InputError("tensor do of \(path) has shape \(dOutput.shape), but qc has \(qc.shape)")
    }
    documents = try Self.documents(documentLengths, length: kc.view.length)
    func room(like tensor: HeadTensor<Scalar>, size: Int? = nil) -> HeadTensor<Scalar> {
      let view = tensor.view
      return HeadTensor(
        batch: view.batch, heads: view.heads, length: view.length, size: size ?? view.size, repeating: .nan)
    }
    output = room(like: qc)
    logSumExp = room(like: qc, size: 1)
    lookaheadKeys = mechanism.hasLookahead ? room(like: kc) : nil
    if dOutput != nil { gradients = inputs.mapValues { room(like: $0) } }
  }

  private static func documents(_ lengths: [Int]?, length: Int) throws -> Documents {
    guard let lengths else { return Documents(length: length) }
    guard let documents = Documents(lengths: lengths), documents.length == length else {
      throw InputError(
        "--documents \(lengths.map(String.init).joined(separator: ",")) must be positive lengths that add up "
          + "to the \(length) tokens of the input")
    }
    return documents
  }

  /// Forgets the gradients: the form at hand has no backward pass.
  func dropGradients() { gradients = [:] }

  var projections: AttentionProjections<Scalar> { Self.bundle(inputs) }

  var gradientViews: AttentionProjections<Scalar>? { gradients.isEmpty ? nil : Self.bundle(gradients) }

  var results: AttentionResults<Scalar> {
    AttentionResults(
      output: output.view, logSumExp: logSumExp.view, lookaheadKeys: lookaheadKeys?.view)
  }

  private static func bundle(_ tensors: [String: HeadTensor<Scalar>]) -> AttentionProjections<Scalar> {
    func view(_ name: String) -> HeadView<Scalar> {
      guard let tensor = tensors[name] else { preconditionFailure("no tensor \(name)") }
      return tensor.view
    }
    let hasLookahead = lookaheadNames.allSatisfy { tensors[$0] != nil }
    return AttentionProjections(
      lookahead: hasLookahead ? .init(qu: view("qu"), ku: view("ku"), vu: view("vu")) : nil,
      qc: view("qc"), kc: view("kc"), vc: view("vc"))
  }

  /// Writes o, lse, u and the gradients that there are.
  func write(to path: String) throws {
    var tensors: [(name: String, shape: [Int], tensor: HeadTensor<Scalar>)] = [
      ("o", output.shape, output), ("lse", Array(logSumExp.shape.dropLast()), logSumExp),
    ]
    if let lookaheadKeys { tensors.append(("u", lookaheadKeys.shape, lookaheadKeys)) }
    for (name, tensor) in gradients.sorted(by: { $0.key < $1.key }) {
      tensors.append(("d\(name)", tensor.shape, tensor))
    }
    let type: SafetensorsType = Scalar.self == Float.self ? .f32 : .f64
    let writer = try SafetensorsWriter(
      path: path, tensors: tensors.map { .init(name: $0.name, type: type, shape: $0.shape) })
    for (_, _, tensor) in tensors {
      try writer.write(UnsafeRawBufferPointer(tensor.elements), type: type)
    }
    try writer.finish()
  }
}
