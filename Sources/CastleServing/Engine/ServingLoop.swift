import CastleFormats
import CastleModel

/// What the engine's thread does: it owns the model, and steps as long as there is work.
final class ServingLoop {
  private let inbox: ServingInbox
  private let settings: ServingSettings
  private let plannedBytes: Int
  private let engine: InferenceEngine
  private let prefixes: PrefixStore
  /// In the order of their arrival.
  private var sequences: [RunningSequence] = []
  private var reservedBytes = 0
  /// The sequence whose prompt was read last.
  private var lastPrompt: UInt64 = 0

  init(_ model: LanguageModel, _ settings: ServingSettings, plannedBytes: Int, inbox: ServingInbox) {
    self.inbox = inbox
    self.settings = settings
    self.plannedBytes = plannedBytes
    engine = InferenceEngine(model, chunkSize: settings.chunkSize)
    prefixes = PrefixStore(chunkSize: engine.chunkSize, capacity: settings.prefixBytes)
  }

  /// Works until the inbox says that this is the end.
  func run() {
    while true {
      var (bytes, count) = (reservedBytes, sequences.count)
      let turn = inbox.next(isIdle: sequences.isEmpty) { arrival in
        guard bytes + arrival.byteCount <= plannedBytes, count < settings.sequenceLimit else { return false }
        (bytes, count) = (bytes + arrival.byteCount, count + 1)
        return true
      }
      guard case .work(let visits, let arrivals, let cancelled) = turn else { break }
      for visit in visits { visit(engine.model) }
      drop(cancelled)
      for arrival in arrivals { begin(arrival) }
      report()
      step()
    }
    for sequence in sequences {
      sequence.fail(ServingError.shutDown)
      sequence.tellEnd()
    }
    sequences = []
    for arrival in inbox.end() { arrival.events.finish(throwing: ServingError.shutDown) }
  }

  // MARK: Joining and leaving

  private func begin(_ arrival: ServingInbox.Arrival) {
    do {
      let request = arrival.request
      let state = try engine.makeSequence(capacity: engine.model.configuration.maximumLength)
      let sequence = RunningSequence(
        arrival, state, boundaries: prefixes.boundaries(of: request.prompt))
      if request.maximumTokens == 0 && !request.scoresPrompt {
        sequence.finishUnread()
        inbox.report { $0.finishedRequests += 1 }
        sequence.tellEnd()
      } else {
        sequences.append(sequence)
        reservedBytes += sequence.byteCount
      }
    } catch {
      arrival.events.finish(throwing: error)
    }
  }

  private func drop(_ ids: Set<UInt64>) {
    guard !ids.isEmpty else { return }
    let count = remove { ids.contains($0.id) }.count
    inbox.report { $0.cancelledRequests += count }
  }

  /// Forgets sequences, gives back their memory and returns them.
  private func remove(_ isLeaving: (RunningSequence) -> Bool) -> [RunningSequence] {
    let leaving = sequences.filter(isLeaving)
    reservedBytes -= leaving.reduce(0) { $0 + $1.byteCount }
    sequences.removeAll(where: isLeaving)
    return leaving
  }

  private func report() {
    inbox.report { statistics in
      statistics.running = sequences.count
      statistics.reservedBytes = reservedBytes
      statistics.prefixBytes = prefixes.byteCount
    }
  }

  // MARK: Steps

  /// A token of every sequence that decodes, and chunks of prompts.
  private func step() {
    guard !sequences.isEmpty else { return }
    var turns: [(sequence: RunningSequence, tokens: Range<Int>?)] = []
    for sequence in sequences where !sequence.isReadingPrompt { turns.append((sequence, nil)) }
    for (sequence, chunk) in chunks() { turns.append((sequence, chunk)) }
    let advances = turns.map { sequence, chunk in
      guard let chunk else {
        return InferenceEngine.Advance(sequence.state, by: [sequence.nextToken].compactMap { $0 })
      }
      let isLast = chunk.upperBound == sequence.request.prompt.count
      return InferenceEngine.Advance(
        sequence.state, by: Array(sequence.request.prompt[chunk]),
        logits: sequence.request.scoresPrompt ? .all : isLast ? .last : .none)
    }
    let generated = sequences.reduce(0) { $0 + $1.generatedTokens }
    do {
      try engine.advance(advances) { index, token, logits in
        let (sequence, chunk) = turns[index]
        if let chunk {
          sequence.read(logits, afterPrompt: chunk.lowerBound + token)
        } else {
          sequence.read(logits)
        }
      }
    } catch {
      for (sequence, _) in turns { sequence.fail(error) }
    }
    keepPrefixes(turns.compactMap { $0.tokens == nil ? nil : $0.sequence })
    let newTokens = sequences.reduce(0) { $0 + $1.generatedTokens } - generated
    let finished = remove(\.isFinished)
    inbox.report { statistics in
      statistics.steps += 1
      statistics.generatedTokens += newTokens
      statistics.promptTokens += turns.reduce(0) { $0 + ($1.tokens?.count ?? 0) }
      statistics.finishedRequests += finished.count
    }
    // Whoever is told of the end finds it in the statistics.
    report()
    for sequence in finished { sequence.tellEnd() }
  }

  /// The chunks of prompts that this step reads: one of each prompt in turn, within the budget, but one at
  /// least.
  private func chunks() -> [(RunningSequence, Range<Int>)] {
    let readers = sequences.filter(\.isReadingPrompt)
    let next = readers.firstIndex { $0.id > lastPrompt } ?? 0
    var chunks: [(RunningSequence, Range<Int>)] = []
    var budget = settings.stepTokens
    for sequence in readers[next...] + readers[..<next] {
      takeFromStore(sequence)
      guard !isServedSoon(sequence, among: readers) else { continue }
      let chunk = sequence.nextChunk(engine.chunkSize)
      guard chunks.isEmpty || chunk.count <= budget else { break }
      budget -= chunk.count
      chunks.append((sequence, chunk))
      lastPrompt = sequence.id
    }
    return chunks
  }

  // MARK: Prefixes

  /// Goes on from the longest stored state, if it saves work.
  private func takeFromStore(_ sequence: RunningSequence) {
    let request = sequence.request
    guard !request.scoresPrompt,
      let state = prefixes.state(beginning: request.prompt, longerThan: sequence.state.length)
    else { return }
    let saved = state.length - sequence.state.length
    sequence.cachedTokens += saved
    sequence.state = state
    inbox.report { $0.cachedTokens += saved }
  }

  /// Whether an earlier request is about to store a state that this one can go on from.
  private func isServedSoon(_ sequence: RunningSequence, among readers: [RunningSequence]) -> Bool {
    let prompt = sequence.request.prompt
    guard !sequence.request.scoresPrompt else { return false }
    return readers.contains { other in
      guard other.id < sequence.id else { return false }
      return other.boundaries.contains { boundary in
        boundary > other.state.length && boundary > sequence.state.length && boundary < prompt.count
          && prompt[..<boundary] == other.request.prompt[..<boundary]
      }
    }
  }

  private func keepPrefixes(_ readers: [RunningSequence]) {
    for sequence in readers where sequence.boundaries.contains(sequence.state.length) {
      prefixes.keep(sequence.state, beginning: sequence.request.prompt)
    }
  }
}
