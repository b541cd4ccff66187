import CastleFormats
import Foundation

/// The cells of an experiment: the product of its axes without what is excluded, then those that it lists.
struct CellList {
  let cells: [ExperimentCell]

  private static let most = 100_000

  init(_ members: [String: ExperimentNode], axes: [ExperimentAxis], source: String) throws {
    let recipe = try members["recipe"].map { try Self.path($0.text(), beside: source) }
    let base = try members["base"]?.settings() ?? []
    let included = try members["include"]?.items().map { try CellPattern($0, axes: axes) }
    let excluded = try members["exclude"]?.items().map { try CellPattern($0, axes: axes) } ?? []
    var cells: [ExperimentCell] = []
    if !axes.isEmpty {
      let count = axes.reduce(Optional(1)) { product, axis in
        product.flatMap { $0 <= Self.most ? $0 * axis.values.count : nil }
      }
      guard let count, count <= Self.most else {
        throw InputError("\(source): the axes make more than \(Self.most) cells; name fewer values")
      }
      for index in 0..<count {
        let values = Self.values(axes, index: index)
        let cell = ExperimentCell(
          name: values.map(\.label).joined(separator: "_"),
          values: zip(axes, values).map { .init(axis: $0.name, value: $1.name) },
          recipe: recipe, settings: base + values.flatMap(\.settings))
        let isIncluded = included?.contains { $0.matches(cell) } ?? true
        if isIncluded && !excluded.contains(where: { $0.matches(cell) }) { cells.append(cell) }
      }
    }
    for item in try members["cells"]?.items() ?? [] {
      cells.append(try Self.cell(item, axes: axes, recipe: recipe, base: base))
    }
    var names: Set<String> = []
    for cell in cells {
      guard CellName.isValid(cell.name) else {
        throw InputError("\(source): no folder can be called '\(cell.name)'; choose shorter names of values")
      }
      guard names.insert(cell.name).inserted else {
        throw InputError("\(source): two cells are called \(cell.name)")
      }
    }
    self.cells = try Self.linked(cells, axes: axes, source: source)
  }

  /// The cells with their branches, each behind the one that it branches from.
  private static func linked(
    _ cells: [ExperimentCell], axes: [ExperimentAxis], source: String
  ) throws -> [ExperimentCell] {
    do {
      var waiting: [ExperimentCell] = []
      let names = axes.map(\.name)
      var branches: [String: BranchSettings] = [:]
      for cell in cells {
        var settings = cell.settings
        branches[cell.name] = try BranchSettings(takenOutOf: &settings, axes: names)
        waiting.append(
          ExperimentCell(name: cell.name, values: cell.values, recipe: cell.recipe, settings: settings))
      }
      for index in waiting.indices {
        waiting[index].branch = try branches[waiting[index].name]?.branch(of: waiting[index], among: waiting)
      }
      var result: [ExperimentCell] = []
      var present: Set<String> = []
      while !waiting.isEmpty {
        let ready = waiting.filter { $0.branch.map { present.contains($0.cell) } ?? true }
        guard !ready.isEmpty else {
          throw InputError("cell \(waiting[0].name): it branches from a cell that branches from it")
        }
        result += ready
        present.formUnion(ready.map(\.name))
        waiting.removeAll { present.contains($0.name) }
      }
      return result
    } catch let error as InputError {
      throw InputError("\(source): \(error)")
    }
  }

  /// The values of the cell `index`, the last axis changing fastest.
  private static func values(_ axes: [ExperimentAxis], index: Int) -> [ExperimentAxis.Value] {
    var rest = index
    let reversed = axes.reversed().map { axis in
      defer { rest /= axis.values.count }
      return axis.values[rest % axis.values.count]
    }
    return reversed.reversed()
  }

  /// A cell that the file lists: a name, values on axes if it has some, and settings.
  private static func cell(
    _ yaml: ExperimentNode, axes: [ExperimentAxis], recipe: String?, base: [SettingOverride]
  ) throws -> ExperimentCell {
    let members = try yaml.members(among: ["name", "settings"] + axes.map(\.name))
    guard let name = try members["name"]?.text() else { throw yaml.error("has no name") }
    var values: [ExperimentCell.AxisValue] = []
    var settings = base
    for axis in axes {
      guard let member = members[axis.name] else { continue }
      let value = try member.text()
      // A value that the axis does not list is a new point on it, made by the cell's own settings.
      settings += axis.values.first { $0.name == value }?.settings ?? []
      values.append(.init(axis: axis.name, value: value))
    }
    settings += try members["settings"]?.settings() ?? []
    return ExperimentCell(name: name, values: values, recipe: recipe, settings: settings)
  }

  private static func path(_ path: String, beside source: String) -> String {
    let path = FilePath.expanded(path)
    return path.hasPrefix("/") ? path : AtomicFile.folder(of: source) + "/" + path
  }
}

/// Cells by their values: every axis that is named must have one of the values.
struct CellPattern {
  private let values: [(axis: String, among: Set<String>)]

  init(_ yaml: ExperimentNode, axes: [ExperimentAxis]) throws {
    values = try yaml.members(among: axes.map(\.name)).map { name, value in
      let known = axes.first { $0.name == name }?.values.map(\.name) ?? []
      let texts = try value.items().map { item in
        let text = try item.text()
        guard known.contains(text) else {
          throw item.error(
            "is '\(text)', which is no value of \(name); there are \(known.joined(separator: ", "))")
        }
        return text
      }
      return (name, Set(texts))
    }
  }

  func matches(_ cell: ExperimentCell) -> Bool {
    values.allSatisfy { axis, among in cell.value(on: axis).map(among.contains) ?? false }
  }
}
