import CastleTensors

/// Items that are labelled after they appear: item, label, item, label, …, and at the end one of the labels
/// again. The answer is the item that had this label.
///
/// The key of an item has to hold what comes *after* it (Equations, Probe). Items are the tokens below
/// ``itemCount``, labels come after them; none occurs twice before the question.
struct LookaheadRecallProbe: Probe {
  var pairCount: Int
  var itemCount: Int
  var labelCount: Int

  var length: Int { 2 * pairCount + 1 }
  var vocabularySize: Int { itemCount + labelCount }

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    let items = random.distinct(pairCount, below: itemCount)
    let labels = random.distinct(pairCount, below: labelCount).map { $0 + itemCount }
    let asked = random.index(below: pairCount)
    var sequence = ProbeSequence(capacity: length)
    for (item, label) in zip(items, labels) {
      sequence.append(item)
      sequence.append(label)
    }
    sequence.append(labels[asked], target: items[asked])
    return sequence
  }
}
