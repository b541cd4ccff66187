extension Collection<Double> {
  /// The middle one in order, or the mean of the two in the middle. Traps if there is none.
  package var median: Double {
    let sorted = sorted()
    let middle = count / 2
    return count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
