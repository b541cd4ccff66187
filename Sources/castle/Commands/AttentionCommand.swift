import ArgumentParser
import CastleAttention
import CastleConsole
import CastleFormats
import CastleMeasurement
import CastleTensors
import RealModule

/// `castle attention`: one attention call on tensors from a file, in any form, so that others can check it.
struct AttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Compute attention on the tensors of a file.",
    discussion: """
      The input holds qu ku vu qc kc vc, each (batch, heads, tokens, features); for causal attention qc kc \
      vc are enough. qc may have a multiple of the others' heads. The output gets o, lse (log-sum-exp), u \
      (the final lookahead keys) and, if the input holds do, the gradients dqu dku dvu dqc dkc dvc of the \
      sum of o * do.

      The reference forms compute in double precision unless told otherwise, the others in single.

      EXAMPLES
        castle attention --input x.safetensors --output y.safetensors \\
          --mechanism castle
        castle attention --input x.safetensors --output y.safetensors \\
          --mechanism castle-swl --window 128 --form cached --chunk 32
      """)

  /// The forms of attention.
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case recurrent, parallel, blocked, cached
  }

  /// The floating-point types.
  enum Precision: String, ExpressibleByArgument, CaseIterable {
    case f32, f64
  }

  @Option(
    help: ArgumentHelp("The safetensors file with the projections.", valueName: "file"),
    transform: FilePath.expanded)
  var input: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The safetensors file to write.", valueName: "file"),
    transform: FilePath.expanded)
  var output: String

  @OptionGroup var mechanism: MechanismOptions

  @Option(
    help: "How it is computed: recurrent, parallel (dense), blocked or cached (through the UQ-KV cache).")
  var form = Form.blocked

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Lengths of the documents of every row, such as 40,25.", valueName: "lengths"))
  var documents: String?

  @Option(
    parsing: .unconditional, help: "For --form cached: how many tokens are appended at a time (default: 1).")
  var chunk: Int?

  @Option(help: "f32, or f64 for the reference forms.")
  var precision: Precision?

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    if let chunk {
      try OptionRange.check("--chunk", chunk, 1...)
      guard form == .cached else { throw ValidationError("--chunk belongs to --form cached") }
    }
    if precision == .f64, form == .blocked || form == .cached {
      throw ValidationError(
        "--form \(form.rawValue) computes in f32; use --form recurrent or parallel for --precision f64")
    }
    _ = try documentLengths()
  }

  private func documentLengths() throws -> [Int]? {
    try documents?.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let length = Int(word), length > 0 else {
        throw ValidationError("\"\(word)\" in --documents is not a length; give numbers such as 40,25")
      }
      return length
    }
  }

  func run() throws {
    switch form {
    case .recurrent, .parallel:
      if precision == .f32 { try runReference(Float.self) } else { try runReference(Double.self) }
    case .blocked:
      let file = try read(Float.self)
      let attention = BlockedAttention(mechanism: file.mechanism, pool: try backend.makePool())
      attention.forward(file.projections, documents: file.documents, results: file.results)
      if let dOutput = file.dOutput, let gradients = file.gradientViews {
        attention.backward(
          dOutput.view, file.projections, documents: file.documents, results: file.results,
          gradients: gradients)
      }
      try file.write(to: output)
    case .cached:
      let file = try read(Float.self)
      if file.dOutput != nil {
        StandardError.write("note: the cache has no backward pass; the output gets no gradients\n")
        file.dropGradients()
      }
      CachedAttention(file: file, chunk: chunk ?? 1, pool: try backend.makePool()).run()
      try file.write(to: output)
    }
  }

  private func read<Scalar>(_ type: Scalar.Type) throws -> AttentionFile<Scalar> {
    try AttentionFile(path: input, mechanism: mechanism.value, documentLengths: documentLengths())
  }

  private func runReference<Scalar: Real & BinaryFloatingPoint>(_ type: Scalar.Type) throws {
    let file = try read(type)
    if form == .recurrent {
      ReferenceAttention.recurrent(
        file.projections, mechanism: file.mechanism, documents: file.documents, results: file.results)
    } else {
      ReferenceAttention.parallel(
        file.projections, mechanism: file.mechanism, documents: file.documents, results: file.results)
    }
    if let dOutput = file.dOutput, let gradients = file.gradientViews {
      ReferenceAttention.parallelBackward(
        dOutput.view, file.projections, mechanism: file.mechanism, documents: file.documents,
        gradients: gradients)
    }
    try file.write(to: output)
  }
}
