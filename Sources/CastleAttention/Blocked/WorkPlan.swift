import CastleTensors

/// One document of one head group: what can be computed without the others.
package struct HeadTask {
  /// Which of the problems of a call the task belongs to.
  package let problem: Int
  package let batch: Int
  package let kvHead: Int
  package let document: Range<Int>
  /// How many tokens of the document came before this call.
  package let past: Int
}

/// A task whose panels of keys are split over some threads.
package struct SharedTask {
  package let task: HeadTask
  /// How many threads work on it: each has a panel.
  package let parts: Int
}

/// Which tasks threads take whole, and which they share by splitting the panels of keys.
///
/// Tasks that are left over when all threads have got the same number are shared, one after another, where
/// that takes less time than a round in which some threads have nothing to do. The plan depends on the
/// problem and the number of threads alone, and so do the results.
package struct WorkPlan {
  package let whole: [HeadTask]
  package let shared: [SharedTask]

  /// The plan for the documents of one problem, which come after `past` tokens of their sequences.
  package init(
    _ shape: AttentionShape, documents: Documents, past: Int = 0, problem: Int = 0, threads: Int
  ) {
    var tasks: [HeadTask] = []
    for batch in 0..<shape.batch {
      for document in documents.ranges {
        for kvHead in 0..<shape.kvHeads {
          tasks.append(
            HeadTask(problem: problem, batch: batch, kvHead: kvHead, document: document, past: past))
        }
      }
    }
    let leftOver = tasks.count >= Self.manyTasks * threads ? 0 : tasks.count % threads
    let shared = tasks.suffix(leftOver).map { task in
      let geometry = BlockGeometry(tokens: past..<past + task.document.count)
      return (task: task, geometry: geometry, parts: min(threads, geometry.panelCount))
    }
    let timeShared = shared.reduce(0) { $0 + $1.geometry.time(parts: $1.parts) }
    let timeWhole = shared.reduce(0) { max($0, $1.geometry.time(parts: 1)) }
    let shares = timeShared < timeWhole
    whole = shares ? Array(tasks.dropLast(leftOver)) : tasks
    self.shared = shares ? shared.map { SharedTask(task: $0.task, parts: $0.parts) } : []
  }

  /// Several plans side by side. Each problem is split as if it came alone, so that its results do not depend
  /// on the others.
  package init(_ plans: [WorkPlan]) {
    whole = plans.flatMap(\.whole)
    shared = plans.flatMap(\.shared)
  }

  /// With so many tasks for each thread, a round in which some threads have nothing to do costs little.
  private static let manyTasks = 8
}

extension BlockGeometry {
  /// About how long a task takes when its panels are split into `parts`, in quarters of the time of a block
  /// of queries and a panel of keys. What comes before the panels takes a quarter for each block; splitting
  /// takes two.
  fileprivate func time(parts: Int) -> Int {
    var pairs = Array(repeating: 0, count: parts)
    for panel in 0..<panelCount { pairs[part(ofPanel: panel, of: parts)] += blocks(ofPanel: panel).count }
    let blocks = (blockCount + parts - 1) / parts
    return (parts > 1 ? 2 : 0) + blocks + 4 * (pairs.max() ?? 0)
  }
}
