import CastleFormats

/// A regular expression as instructions for ``PatternMatcher``.
final class PatternProgram: Sendable {
  /// What an instruction does.
  enum Operation: UInt8 {
    /// One character of the set `a`.
    case set
    /// From `b` to `c` characters of the set `a`: as many as possible, or as few, or as many without another
    /// try.
    case greedyRun, lazyRun, possessiveRun
    /// First what stands at `a`, then what stands at `b`.
    case split
    /// On at `a`.
    case jump
    /// A place of kind `a`.
    case anchor
    /// What stands up to the next `accept` must match ahead (`b` is 0) or not (1); then on at `a`.
    case lookAhead
    /// The same behind, where it takes from `c` to `d` characters.
    case lookBehind
    /// What stands up to the next `accept`, in the first way that matches; then on at `a`.
    case atomic
    /// Remembers the place in register `a`.
    case mark
    /// Fails unless the place has moved since register `a` was set.
    case progress
    /// The end of the pattern, or of a part of it.
    case accept
  }

  /// An instruction.
  struct Instruction {
    var operation: Operation
    var a: Int32 = 0
    var b: Int32 = 0
    var c: Int32 = 0
    var d: Int32 = 0
  }

  let instructions: [Instruction]
  let sets: [ScalarTable]
  let registerCount: Int

  /// Whether a byte can be the first of a match; all can if the pattern matches nothing too.
  let firstBytes: [Bool]

  /// The most instructions.
  private static let longest = 50_000

  /// Compiles a pattern.
  ///
  /// - Throws: ``InputError`` if it is malformed, not implemented or too long.
  convenience init(_ pattern: String) throws {
    let syntax = try PatternParser.parse(pattern)
    guard let program = PatternProgram(syntax) else {
      throw InputError("the pattern \"\(pattern)\" is too long when its repetitions are written out")
    }
    self.init(copying: program)
  }

  private init(copying other: PatternProgram) {
    instructions = other.instructions
    sets = other.sets
    registerCount = other.registerCount
    firstBytes = other.firstBytes
  }

  /// Compiles a tree; nil if it is too long.
  init?(_ syntax: PatternSyntax) {
    var compiler = PatternCompiler(longest: Self.longest)
    guard compiler.compile(syntax) else { return nil }
    compiler.emit(Instruction(operation: .accept))
    instructions = compiler.instructions
    sets = compiler.sets.map(ScalarTable.init)
    registerCount = compiler.registerCount
    let first = syntax.firstBytes
    firstBytes = first.isNullable ? Array(repeating: true, count: 256) : first.bytes
  }
}

/// Writes the instructions of a pattern.
private struct PatternCompiler {
  typealias Instruction = PatternProgram.Instruction

  let longest: Int
  private(set) var instructions: [Instruction] = []
  private(set) var sets: [ScalarSet] = []
  private(set) var registerCount = 0

  init(longest: Int) { self.longest = longest }

  mutating func emit(_ instruction: Instruction) { instructions.append(instruction) }

  private var here: Int32 { Int32(instructions.count) }

  private mutating func index(of set: ScalarSet) -> Int32 {
    if let known = sets.firstIndex(of: set) { return Int32(known) }
    sets.append(set)
    return Int32(sets.count - 1)
  }

  /// Appends the instructions of `syntax`; false if there are too many.
  mutating func compile(_ syntax: PatternSyntax) -> Bool {
    guard instructions.count < longest else { return false }
    switch syntax {
    case .empty: return true
    case .set(let set):
      emit(Instruction(operation: .set, a: index(of: set)))
      return true
    case .anchor(let anchor):
      emit(Instruction(operation: .anchor, a: anchor.rawValue))
      return true
    case .sequence(let parts): return parts.allSatisfy { compile($0) }
    case .alternatives(let parts): return compile(alternatives: parts[...])
    case .atomic(let part): return compile(part, inside: Instruction(operation: .atomic))
    case .look(let part, let isBehind, let isNegative):
      let width = part.width
      return compile(
        part,
        inside: Instruction(
          operation: isBehind ? .lookBehind : .lookAhead, b: isNegative ? 1 : 0, c: Int32(width.minimum),
          d: Int32(clamping: width.maximum ?? 0)))
    case .repetition(.set(let set), let minimum, let maximum, let greed):
      let operation: PatternProgram.Operation =
        switch greed {
        case .greedy: .greedyRun
        case .lazy: .lazyRun
        case .possessive: .possessiveRun
        }
      emit(
        Instruction(
          operation: operation, a: index(of: set), b: Int32(minimum), c: Int32(clamping: maximum)))
      return true
    case .repetition(let part, let minimum, let maximum, .possessive):
      return compile(
        .repetition(part, minimum: minimum, maximum: maximum, .greedy),
        inside: Instruction(operation: .atomic))
    case .repetition(let part, let minimum, let maximum, let greed):
      return compile(repeating: part, minimum, maximum, isGreedy: greed == .greedy)
    }
  }

  private mutating func compile(_ part: PatternSyntax, inside instruction: Instruction) -> Bool {
    let start = instructions.count
    emit(instruction)
    guard compile(part) else { return false }
    emit(Instruction(operation: .accept))
    instructions[start].a = here
    return true
  }

  private mutating func compile(alternatives parts: ArraySlice<PatternSyntax>) -> Bool {
    var ends: [Int] = []
    for (index, part) in zip(parts.indices, parts) {
      let split = instructions.count
      let isLast = index == parts.indices.last
      if !isLast { emit(Instruction(operation: .split)) }
      guard compile(part) else { return false }
      guard !isLast else { break }
      ends.append(instructions.count)
      emit(Instruction(operation: .jump))
      instructions[split].a = Int32(split + 1)
      instructions[split].b = here
    }
    for end in ends { instructions[end].a = here }
    return true
  }

  private mutating func compile(
    repeating part: PatternSyntax, _ minimum: Int, _ maximum: Int, isGreedy: Bool
  ) -> Bool {
    for _ in 0..<minimum where !compile(part) { return false }
    func split(_ body: Int32, _ rest: Int32) -> Instruction {
      Instruction(operation: .split, a: isGreedy ? body : rest, b: isGreedy ? rest : body)
    }
    if maximum == PatternSyntax.unlimited {
      let start = here
      emit(Instruction(operation: .split))
      let register = Int32(registerCount)
      registerCount += 1
      emit(Instruction(operation: .mark, a: register))
      guard compile(part) else { return false }
      emit(Instruction(operation: .progress, a: register))
      emit(Instruction(operation: .jump, a: start))
      instructions[Int(start)] = split(start + 1, here)
      return true
    }
    var starts: [Int] = []
    for _ in minimum..<maximum {
      starts.append(instructions.count)
      emit(Instruction(operation: .split))
      guard compile(part) else { return false }
    }
    for start in starts { instructions[start] = split(Int32(start + 1), here) }
    return true
  }
}

extension PatternSyntax {
  /// The bytes that a match can start with, and whether it can be empty. Bytes above ASCII are not told
  /// apart.
  fileprivate var firstBytes: (bytes: [Bool], isNullable: Bool) {
    let none = [Bool](repeating: false, count: 256)
    switch self {
    case .empty, .look, .anchor: return (none, true)
    case .set(let set):
      return ((0..<256).map { $0 >= 0x80 || set.contains(UInt32($0)) }, false)
    case .atomic(let part): return part.firstBytes
    case .repetition(let part, let minimum, _, _):
      let first = part.firstBytes
      return (first.bytes, first.isNullable || minimum == 0)
    case .alternatives(let parts):
      return parts.map(\.firstBytes).reduce((none, false)) { sum, part in
        (zip(sum.0, part.bytes).map { $0 || $1 }, sum.1 || part.isNullable)
      }
    case .sequence(let parts):
      var bytes = none
      for part in parts {
        let first = part.firstBytes
        bytes = zip(bytes, first.bytes).map { $0 || $1 }
        if !first.isNullable { return (bytes, false) }
      }
      return (bytes, true)
    }
  }
}
