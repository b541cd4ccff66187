import CastleFormats

/// Where a cell begins that does not begin with random weights: at a checkpoint of another cell.
package struct CellBranch: Sendable, Hashable {
  /// The name of the other cell.
  package let cell: String
  /// The number of steps that it has done there.
  package let step: Int

  /// As results keep it.
  var text: String { "\(cell) after step \(step)" }
}

/// What a cell's settings say of a branch, before the other cell is looked for: `branch.from` is its name, or
/// values on axes in which it differs from the cell; `branch.step` the step.
struct BranchSettings {
  private var name: String?
  private var values: [(axis: String, value: String)] = []
  private var stepText: String?

  private static let prefix = "branch."
  private static let fromKey = "branch.from"

  /// Takes what is meant for a branch out of `settings`; nil if there is nothing.
  init?(takenOutOf settings: inout [SettingOverride], axes: [String]) throws {
    let own = settings.filter { $0.key.hasPrefix(Self.prefix) }
    guard !own.isEmpty else { return nil }
    settings.removeAll { $0.key.hasPrefix(Self.prefix) }
    for setting in own {
      switch setting.key {
      case "branch.step": stepText = setting.text
      case Self.fromKey: name = setting.text
      case let key where key.hasPrefix(Self.fromKey + "."):
        let axis = String(key.dropFirst(Self.fromKey.count + 1))
        guard axes.contains(axis) else {
          throw InputError("\(key) names no axis; there are \(axes.joined(separator: ", "))")
        }
        values.removeAll { $0.axis == axis }
        values.append((axis, setting.text))
      case let key:
        throw InputError("\(key) is not known; a branch has from and step")
      }
    }
  }

  /// The branch of `cell`, one of `cells`.
  func branch(of cell: ExperimentCell, among cells: [ExperimentCell]) throws -> CellBranch {
    guard let stepText, let step = Int(stepText.replacing("_", with: "")), step > 0 else {
      throw InputError(
        "cell \(cell.name): branch.step is \(stepText ?? "missing"), it must be the number of steps before "
          + "the branch"
      )
    }
    guard name != nil || !values.isEmpty else {
      throw InputError("cell \(cell.name): branch.from is missing: name the cell that it branches from")
    }
    let found = cells.filter { other in
      if let name { return other.name == name }
      return cell.values.allSatisfy { own in
        other.value(on: own.axis) == values.first { $0.axis == own.axis }?.value ?? own.value
      }
    }
    guard let origin = found.first, found.count == 1, origin.name != cell.name else {
      let wanted = name ?? values.map { "\($0.axis): \($0.value)" }.joined(separator: ", ")
      throw InputError("cell \(cell.name): branch.from says \(wanted), which is not one other cell")
    }
    return CellBranch(cell: origin.name, step: step)
  }
}
