import CastleOperations
import CastleTensors

/// How weights start (Equations, Model).
enum InitialWeights {
  static let deviation = 0.02

  /// The output projections of attention and MLP, which add to the residual stream 2 · `layerCount` times.
  static func residualDeviation(layerCount: Int) -> Double {
    deviation / Double(2 * layerCount).squareRoot()
  }
}

extension LanguageModel {
  /// Gives all parameters the initial values that `seed` determines.
  func initializeWeights(seed: UInt64) {
    var source = RandomSource(seed: seed)
    for entry in layout.entries {
      if entry.isShift {
        let own = (0..<entry.columnCount).map { _ in source.nextFloat() }
        fill(entry) { start, piece in
          for index in piece.indices {
            let place = start + index
            piece[index] = place < own.count ? own[place] : 1 - own[place - own.count]
          }
        }
        continue
      }
      guard let deviation = entry.initialDeviation.map(Float.init) else {
        backend.fill(view(entry), with: 1)
        continue
      }
      fill(entry) { _, piece in
        for index in piece.indices { piece[index] = deviation * source.nextNormal() }
      }
    }
  }
}
