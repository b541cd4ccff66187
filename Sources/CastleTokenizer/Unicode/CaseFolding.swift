/// Which characters are the same without regard to case.
enum CaseFolding {
  /// The sets of two and more characters that are one letter in different cases.
  private static let groups: [[UInt32]] = {
    var byFold: [UInt32: [UInt32]] = [:]
    for value in UInt32(0)..<0x34000 {
      guard let scalar = Unicode.Scalar(value), scalar.properties.isCased,
        ScalarProperties.isAssigned(scalar, by: ScalarProperties.patternVersion), let fold = fold(scalar)
      else { continue }
      byFold[fold, default: []].append(value)
    }
    return byFold.values.filter { $0.count > 1 }
  }()

  /// The lower case of the upper case, where both are single characters.
  private static func fold(_ scalar: Unicode.Scalar) -> UInt32? {
    let upper = scalar.properties.uppercaseMapping.unicodeScalars
    guard let single = upper.count == 1 ? upper.first : scalar else { return nil }
    let lower = single.properties.lowercaseMapping.unicodeScalars
    return lower.count == 1 ? lower.first!.value : nil
  }

  /// What several letters are when one character in another case stands for them: "ss", "ffi", ….
  static let several: [[UInt32]] = {
    var found: Set<[UInt32]> = []
    for value in UInt32(0x80)..<0x34000 {
      guard let scalar = Unicode.Scalar(value), scalar.properties.isCased else { continue }
      let upper = scalar.properties.uppercaseMapping.unicodeScalars
      guard upper.count > 1 else { continue }
      found.insert(upper.flatMap { $0.properties.lowercaseMapping.unicodeScalars.map(\.value) })
    }
    return Array(found)
  }()

  /// A set with all characters that differ from one of its own only by case.
  static func closure(of set: ScalarSet) -> ScalarSet {
    set.union(ScalarSet(values: groups.filter { $0.contains(where: set.contains) }.joined()))
  }
}
