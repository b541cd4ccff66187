// CASTLE attention, forward and backward, on arrays of your own.
import CastleAttention
import CastleSystem
import CastleTensors

let batch = 1
let heads = 4
let length = 512
let headSize = 64
let pool = ThreadPool(threadCount: Processors.available)

/// A tensor of shape (batch, heads, length, size) of random numbers.
func tensor(size: Int) -> HeadView<Float> {
  let count = batch * heads * length * size
  let base = UnsafeMutablePointer<Float>.allocate(capacity: count)
  for index in 0..<count { base[index] = Float.random(in: -1...1) }
  return HeadView(dense: base, batch: batch, heads: heads, length: length, size: size)
}

func projections() -> AttentionProjections<Float> {
  AttentionProjections(
    lookahead: .init(qu: tensor(size: headSize), ku: tensor(size: headSize), vu: tensor(size: headSize)),
    qc: tensor(size: headSize), kc: tensor(size: headSize), vc: tensor(size: headSize))
}

let inputs = projections()
let results = AttentionResults(
  output: tensor(size: headSize), logSumExp: tensor(size: 1), lookaheadKeys: tensor(size: headSize))
let attention = BlockedAttention(mechanism: .slidingWindow(128), pool: pool)
let documents = Documents(length: length)
attention.forward(inputs, documents: documents, results: results)

let gradients = projections()
attention.backward(
  tensor(size: headSize), inputs, documents: documents, results: results, gradients: gradients)

print("output of the last token:", results.output.token(0, 0, length - 1)[0])
print("gradient of its query:", gradients.qc.token(0, 0, length - 1)[0])
