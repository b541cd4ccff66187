public import ArgumentParser
public import CastleOperations

extension WeightFormat: ExpressibleByArgument {}

/// In what precision a command holds weights.
struct WeightOptions: ParsableArguments {
  @Option(
    help: "In what precision weights are held: float32, bf16, int8, int4 (default: as the folder has them).")
  var weights: WeightFormat?
}
