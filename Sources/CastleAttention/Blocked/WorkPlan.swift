import CastleTensors

/// One document of one head group: what can be computed without the others.
struct HeadTask {
  let batch: Int
  let keyHead: Int
  let document: Range<Int>
}

/// Which tasks threads take whole, and which they share by splitting the panels of keys.
///
/// The plan depends on the problem and the number of threads alone, and so do the results.
struct WorkPlan {
  let whole: [HeadTask]
  let shared: [HeadTask]
  /// How many threads work on each shared task.
  let parts: Int

  init(_ shape: AttentionShape, documents: Documents, threads: Int) {
    var tasks: [HeadTask] = []
    for batch in 0..<shape.batch {
      for document in documents.ranges {
        for keyHead in 0..<shape.keyHeads {
          tasks.append(HeadTask(batch: batch, keyHead: keyHead, document: document))
        }
      }
    }
    let enough = tasks.count >= 8 * threads
    let remainder = enough ? 0 : tasks.count % threads
    whole = Array(tasks.dropLast(remainder))
    shared = Array(tasks.suffix(remainder))
    parts = threads
  }
}
