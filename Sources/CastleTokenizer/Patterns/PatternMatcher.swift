/// Finds a pattern in text by backtracking. Holds scratch memory; not for use by several threads at once.
///
/// Bytes that are not UTF-8 count as U+FFFD, one for each maximal subpart.
final class PatternMatcher {
  private let program: PatternProgram
  private var stack: [Choice] = []
  private var registers: [Int]

  private var stepsLeft = 0
  /// The most steps in the search for one match, after which there counts as none in the text. They grow a
  /// little with the places that were tried.
  private static let mostSteps = 10_000_000
  private static let stepsForEachPlace = 100

  /// What to try when the way taken fails.
  private struct Choice {
    var instruction: Int32
    var kind: Kind
    var position: Int
    /// Where a run may end at the earliest, or an old value of a register.
    var low: Int

    enum Kind: UInt8 { case other, shorterRun, longerRun, register }
  }

  init(_ program: PatternProgram) {
    self.program = program
    registers = Array(repeating: 0, count: program.registerCount)
  }

  /// The first match in `range` that starts at `start` or after; nothing outside of `range` is seen.
  func first(in text: UnsafePointer<UInt8>, _ range: Range<Int>, from start: Int) -> Range<Int>? {
    var position = start
    stepsLeft = Self.mostSteps
    while position <= range.upperBound, stepsLeft > 0 {
      if position < range.upperBound, !program.firstBytes[Int(text[position])] {
        var length = 1
        _ = UTF8Decoding.scalar(text, at: position, to: range.upperBound, length: &length)
        position += length
        continue
      }
      stepsLeft += Self.stepsForEachPlace
      if let end = run(from: 0, text, range, at: position) { return position..<end }
      guard position < range.upperBound else { break }
      var length = 1
      _ = UTF8Decoding.scalar(text, at: position, to: range.upperBound, length: &length)
      position += length
    }
    return nil
  }

  /// The end of the match of what stands from `start` up to its `accept`.
  private func run(
    from start: Int, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, at first: Int
  ) -> Int? {
    let base = stack.count
    defer { stack.removeLast(stack.count - base) }
    return program.instructions.withUnsafeBufferPointer { instructions in
      var counter = start
      var position = first
      while true {
        let instruction = instructions[counter]
        var matches = true
        switch instruction.operation {
        case .accept: return position
        case .set:
          var length = 1
          matches =
            position < range.upperBound
            && program.sets[Int(instruction.a)].contains(
              text, at: position, to: range.upperBound, length: &length)
          position += length
          counter += 1
        case .greedyRun, .lazyRun, .possessiveRun:
          matches = take(instruction, at: counter, text, range, &position)
          counter += 1
        case .split:
          stack.append(Choice(instruction: instruction.b, kind: .other, position: position, low: 0))
          counter = Int(instruction.a)
        case .jump: counter = Int(instruction.a)
        case .anchor:
          matches = isAnchor(PatternSyntax.Anchor(rawValue: instruction.a)!, text, range, at: position)
          counter += 1
        case .lookAhead:
          let found = run(from: counter + 1, text, range, at: position) != nil
          matches = found == (instruction.b == 0)
          counter = Int(instruction.a)
        case .lookBehind:
          let found = isBehind(instruction, from: counter + 1, text, range, at: position)
          matches = found == (instruction.b == 0)
          counter = Int(instruction.a)
        case .atomic:
          if let end = run(from: counter + 1, text, range, at: position) {
            position = end
          } else {
            matches = false
          }
          counter = Int(instruction.a)
        case .mark:
          let register = Int(instruction.a)
          stack.append(
            Choice(instruction: instruction.a, kind: .register, position: 0, low: registers[register]))
          registers[register] = position
          counter += 1
        case .progress:
          // An empty round ends the repetition: the jump back is passed over.
          counter += registers[Int(instruction.a)] == position ? 2 : 1
        }
        if !matches {
          guard let place = retreat(to: base, text, range) else { return nil }
          (counter, position) = place
        }
      }
    }
  }

  /// Takes a run of a set's characters, and remembers the other lengths that it could have.
  private func take(
    _ instruction: PatternProgram.Instruction, at counter: Int, _ text: UnsafePointer<UInt8>,
    _ range: Range<Int>, _ position: inout Int
  ) -> Bool {
    let set = program.sets[Int(instruction.a)]
    let minimum = Int(instruction.b)
    let maximum = instruction.c == .max ? Int.max : Int(instruction.c)
    let wanted = instruction.operation == .lazyRun ? minimum : maximum
    var count = 0
    var length = 1
    var low = position
    while count < wanted, position < range.upperBound,
      set.contains(text, at: position, to: range.upperBound, length: &length)
    {
      position += length
      count += 1
      if count == minimum { low = position }
    }
    stepsLeft -= count
    guard count >= minimum else { return false }
    if instruction.operation == .greedyRun, position > low {
      stack.append(
        Choice(instruction: Int32(counter + 1), kind: .shorterRun, position: position, low: low))
    } else if instruction.operation == .lazyRun, maximum > minimum {
      let left = maximum == .max ? Int.max : maximum - minimum
      stack.append(Choice(instruction: Int32(counter), kind: .longerRun, position: position, low: left))
    }
    return true
  }

  /// Goes back to the last place with another way to try: its instruction and position.
  private func retreat(
    to base: Int, _ text: UnsafePointer<UInt8>, _ range: Range<Int>
  ) -> (Int, Int)? {
    while stack.count > base {
      stepsLeft -= 1
      guard stepsLeft > 0 else { return nil }
      var choice = stack.removeLast()
      switch choice.kind {
      case .register: registers[Int(choice.instruction)] = choice.low
      case .other: return (Int(choice.instruction), choice.position)
      case .shorterRun:
        choice.position = UTF8Decoding.before(choice.position, in: text, from: choice.low)
        if choice.position > choice.low { stack.append(choice) }
        return (Int(choice.instruction), choice.position)
      case .longerRun:
        let instruction = program.instructions[Int(choice.instruction)]
        var length = 1
        guard choice.position < range.upperBound,
          program.sets[Int(instruction.a)].contains(
            text, at: choice.position, to: range.upperBound, length: &length)
        else { continue }
        choice.position += length
        if choice.low != .max { choice.low -= 1 }
        if choice.low > 0 { stack.append(choice) }
        return (Int(choice.instruction) + 1, choice.position)
      }
    }
    return nil
  }

  /// Whether a part matches what ends at `position`.
  private func isBehind(
    _ instruction: PatternProgram.Instruction, from start: Int, _ text: UnsafePointer<UInt8>,
    _ range: Range<Int>, at position: Int
  ) -> Bool {
    var place = position
    let behind = range.lowerBound..<position
    for width in 0...Int(instruction.d) {
      if width >= Int(instruction.c), run(from: start, text, behind, at: place) == position { return true }
      guard place > range.lowerBound else { return false }
      place = UTF8Decoding.before(place, in: text, from: range.lowerBound)
    }
    return false
  }

  private func isAnchor(
    _ anchor: PatternSyntax.Anchor, _ text: UnsafePointer<UInt8>, _ range: Range<Int>, at position: Int
  ) -> Bool {
    let isAtStart = position == range.lowerBound
    let isAtEnd = position == range.upperBound
    switch anchor {
    case .textStart: return isAtStart
    case .textEnd: return isAtEnd
    case .lineStart: return isAtStart || !isAtEnd && text[position - 1] == 0x0A
    case .lineEnd: return isAtEnd || text[position] == 0x0A
    case .textEndOrLastLineEnd:
      return isAtEnd || position + 1 == range.upperBound && text[position] == 0x0A
    case .wordBoundary, .noWordBoundary:
      var length = 1
      let after =
        !isAtEnd && Self.word.contains(text, at: position, to: range.upperBound, length: &length)
      let start = isAtStart ? position : UTF8Decoding.before(position, in: text, from: range.lowerBound)
      let before = !isAtStart && Self.word.contains(text, at: start, to: position, length: &length)
      return (before != after) == (anchor == .wordBoundary)
    }
  }

  private static let word = ScalarTable(ScalarProperties.word)
}
