import CastleCluster
import CastleModel
import CastleOperations
import CastleTensors

/// The gradients and weights of ranks that train one model, exchanged bucket by bucket.
///
/// The arena is cut into buckets, and each bucket into a part for each rank, which owns it: the rank gets the
/// sum of all ranks' gradients there, keeps the moments, updates the weights and sends them to the others
/// (ZeRO stage 1: Rajbhandari et al., 2020). Of an arena of P numbers and N ranks, each rank sends P (N − 1)
/// / N gradients and as many weights a step.
///
/// A bucket is sent once its gradients are final, while the backward pass goes on with the layers below. Sums
/// are taken in the order of the ranks.
final class ArenaExchange {
  /// A range of the arena that is exchanged by one call, and the parts of its owners.
  private struct Bucket {
    var range: Range<Int>
    var parts: [Range<Int>]
  }

  /// A bucket on its way, and the memory for what comes from the other ranks.
  private struct Arrival {
    var bucket: Bucket
    var collective: any Collective
    var memory: Matrix
  }

  /// What this rank owns of the arena, in its order.
  let ownRanges: [Range<Int>]

  /// The buckets in the order in which a backward pass finishes them.
  private let buckets: [Bucket]
  /// Where the vectors begin, which are final at the very end.
  private let vectorStart: Int
  private let format: GradientFormat
  private let communicator: any Communicator
  private let backend: any Backend
  private let gradients: Matrix
  private var freeMemory: [Matrix]
  private var arrivals: [Arrival] = []
  private var startedCount = 0

  /// The buckets that are on their way at a time: more would take more memory.
  private static let bucketsInFlight = 4

  /// The numbers of a bucket: 4 MB, and enough for parts that are worth a message.
  static func bucketSize(ranks: Int) -> Int { max(1 << 20, ranks << 14) }

  /// The memory for what arrives, in bytes.
  static func byteCount(parameterCount: Int, world: World) -> Int {
    guard world.size > 1 else { return 0 }
    let bucket = min(bucketSize(ranks: world.size), parameterCount) + world.size
    return bucketsInFlight * bucket * MemoryLayout<Float>.size
  }

  /// An exchange of `gradients`, an arena of `layout`.
  init(
    layout: ParameterLayout, gradients: Matrix, format: GradientFormat, communicator: any Communicator,
    backend: any Backend
  ) {
    self.format = format
    self.communicator = communicator
    self.backend = backend
    self.gradients = gradients
    vectorStart = layout.vectors.lowerBound
    let world = communicator.world
    let size = Self.bucketSize(ranks: world.size)
    // The embedding, which comes first, is final last: no bucket holds a part of it and a part of a layer.
    let embedding = layout.entries[0].range
    let ranges = [embedding.upperBound..<layout.matrices.upperBound, embedding, layout.vectors].flatMap {
      range in
      stride(from: range.upperBound, to: range.lowerBound, by: -size).map {
        max(range.lowerBound, $0 - size)..<$0
      }
    }
    buckets = ranges.map { range in
      let parts = world.shares(of: range.count).map {
        range.lowerBound + $0.lowerBound..<range.lowerBound + $0.upperBound
      }
      return Bucket(range: range, parts: parts)
    }
    ownRanges = buckets.map { $0.parts[world.rank] }.filter { !$0.isEmpty }
      .sorted { $0.lowerBound < $1.lowerBound }
    // For what arrives; or in half the bytes for that and for what is sent.
    let largest = (buckets.flatMap { $0.parts.map(\.count) }.max() ?? 0) * world.size
    let room = largest + largest % 2
    freeMemory = (0..<Self.bucketsInFlight).map { _ in
      backend.allocate(Float.self, rowCount: 1, columnCount: room)
    }
  }

  /// Sends the buckets of matrices that lie at or after `place`: their gradients are final.
  func send(from place: Int) throws {
    while startedCount < buckets.count, buckets[startedCount].range.lowerBound >= place,
      buckets[startedCount].range.upperBound <= vectorStart
    {
      try sendNext()
    }
  }

  /// Sends what is left and waits until this rank has the sums of its ranges in `gradients`. What others own
  /// is then without meaning.
  func finish() throws {
    while startedCount < buckets.count { try sendNext() }
    while !arrivals.isEmpty { try receiveFirst() }
    startedCount = 0
  }

  private func sendNext() throws {
    if freeMemory.isEmpty { try receiveFirst() }
    let bucket = buckets[startedCount]
    let memory = freeMemory.removeLast()
    let own = bucket.parts[communicator.world.rank]
    backend.synchronize()
    let halves = bytes(of: memory, 0..<memory.count)
    let outgoing =
      format == .float32 ? bytes(of: gradients, bucket.range) : rounded(bucket.range, into: halves)
    arrivals.append(
      Arrival(
        bucket: bucket,
        collective: communicator.startAllToAll(
          UnsafeRawBufferPointer(outgoing), counts: bucket.parts.map { $0.count * format.byteCount },
          into: halves,
          counts: Array(repeating: own.count * format.byteCount, count: communicator.world.size)),
        memory: memory))
    startedCount += 1
  }

  /// The gradients of `range` in half the bytes, in the second half of a bucket's memory. The first is for
  /// what arrives.
  private func rounded(
    _ range: Range<Int>, into memory: UnsafeMutableRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer {
    let half = UnsafeMutableRawBufferPointer(rebasing: memory[(memory.count / 2)...])
    let target = half.bindMemory(to: UInt16.self)
    let source = UnsafeBufferPointer(start: gradients.hostAddress + range.lowerBound, count: range.count)
    precondition(target.count >= range.count)
    if let start = target.baseAddress { BFloat16.encode(source, into: start) }
    return UnsafeMutableRawBufferPointer(rebasing: half[..<(range.count * format.byteCount)])
  }

  private func receiveFirst() throws {
    let arrival = arrivals.removeFirst()
    try arrival.collective.wait()
    let own = arrival.bucket.parts[communicator.world.rank]
    for rank in 0..<communicator.world.size where !own.isEmpty { add(rank, arrival.memory, to: own) }
    freeMemory.append(arrival.memory)
  }

  /// Adds what has come from `rank`. The first sets the sum.
  private func add(_ rank: Int, _ memory: Matrix, to own: Range<Int>) {
    let places = rank * own.count..<(rank + 1) * own.count
    let sum = gradients.columns(own)
    switch format {
    case .float32 where rank == 0: backend.copy(memory.columns(places), to: sum)
    case .float32: backend.add(memory.columns(places), to: sum)
    case .bfloat16:
      let halves = UnsafeRawPointer(memory.hostAddress).assumingMemoryBound(to: UInt16.self)
      BFloat16.decode(
        halves + places.lowerBound,
        into: UnsafeMutableBufferPointer(start: sum.hostAddress, count: own.count),
        adds: rank > 0)
    }
  }

  /// The norm of the whole gradient, the same bits on every rank.
  func norm() throws -> Double {
    let squares = ownRanges.reduce(0) { $0 + backend.sumOfSquares(gradients.columns($1)).value }
    return try communicator.sum(squares).squareRoot()
  }

  /// Gives every rank the `weights` that each has updated where it owns them.
  func gather(_ weights: Matrix) throws {
    backend.synchronize()
    var collectives: [any Collective] = []
    for bucket in buckets {
      if collectives.count == Self.bucketsInFlight { try collectives.removeFirst().wait() }
      collectives.append(
        communicator.startAllGather(bytes(of: weights, bucket.range), counts: Self.byteCounts(bucket.parts)))
    }
    for collective in collectives { try collective.wait() }
  }

  private static func byteCounts(_ parts: [Range<Int>]) -> [Int] {
    parts.map { $0.count * MemoryLayout<Float>.size }
  }

  private func bytes(of arena: Matrix, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: arena.hostAddress + range.lowerBound, count: range.count * MemoryLayout<Float>.size)
  }
}
