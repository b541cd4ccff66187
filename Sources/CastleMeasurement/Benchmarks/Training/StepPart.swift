/// What the time of a training step is split into.
package enum StepPart: String, CaseIterable, Encodable {
  case data
  case embedding
  case norms
  case projections
  case rotary
  case attention
  case mlpProducts = "mlp products"
  case swiGLU = "swiglu"
  case head
  case loss
  case clearing = "clearing gradients"
  case gradientNorm = "gradient norm"
  case optimizer
  case unknown = "unassigned operations"

  /// Whether the part is one of matrix products.
  package var isMatrixProduct: Bool { [.projections, .mlpProducts, .head].contains(self) }
}

/// When in a step a part is computed.
package enum StepPhase: String, CaseIterable, Encodable {
  case forward
  /// Activations that were not kept, computed again for the backward pass.
  case recomputation
  case backward
  case update
}

/// The time of one part in one phase of a step, and the work that was done in it.
package struct PartTime {
  package var seconds = 0.0
  /// Floating-point operations, for products and attention.
  package var operations = 0.0
  /// Bytes that must at least be read and written, for everything else.
  package var bytes = 0.0

  /// A part in a phase.
  package struct Key: Hashable {
    package var part: StepPart
    package var phase: StepPhase
  }
}
