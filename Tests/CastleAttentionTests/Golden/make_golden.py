"""Makes the golden files beside this script: attention in float64, written from Equations (4)-(5) alone.

    python make_golden.py          (needs torch and safetensors)

One file per shape. Inputs qu ku vu qc kc vc and do are shared by all variants; VARIANT.o, .lse, .u and the six
gradients of sum(o * do) belong to one. The metadata key "variants" lists the flags of each as JSON.
"""

import json
import math
import pathlib

import torch
from safetensors.torch import save_file

VARIANTS = {
    "causal": dict(window=0, silu=True, causal_keys=True),
    "castle": dict(window=None, silu=True, causal_keys=True),
    "swl1": dict(window=1, silu=True, causal_keys=True),
    "swl5": dict(window=5, silu=True, causal_keys=True),
    "castle_nosilu": dict(window=None, silu=False, causal_keys=True),
    "castle_nocausalkeys": dict(window=None, silu=True, causal_keys=False),
}
NAMES = ["qu", "ku", "vu", "qc", "kc", "vc"]


def attention(qu, ku, vu, qc, kc, vc, window, silu, causal_keys):
    length, size = qc.shape[-2:]
    positions = torch.arange(length)
    distance = positions[None, :] - positions[:, None]  # [s, j] = j - s
    reads = (distance > 0) & (distance <= (length if window is None else window))
    seen = distance.T >= 0  # [t, s] = s <= t
    root = math.sqrt(size)
    gates = torch.sigmoid(qu @ ku.mT / root) * reads
    weights = (qc @ vu.mT / root) * seen
    lookahead = weights @ gates.mT
    scores = -(torch.nn.functional.silu(lookahead) if silu else lookahead)
    if causal_keys:
        scores = scores + qc @ kc.mT / root
    scores = scores.masked_fill(~seen, -math.inf)
    return scores.softmax(-1) @ vc, scores.logsumexp(-1), gates @ vu


def make(batch, heads, length, size, seed):
    torch.manual_seed(seed)
    shape = (batch, heads, length, size)
    inputs = {name: torch.randn(shape, dtype=torch.float64, requires_grad=True) for name in NAMES}
    upstream = torch.randn(shape, dtype=torch.float64)
    tensors = {name: value.detach() for name, value in inputs.items()} | {"do": upstream}
    for variant, flags in VARIANTS.items():
        output, log_sum_exp, keys = attention(*inputs.values(), **flags)
        gradients = torch.autograd.grad(
            (output * upstream).sum(), list(inputs.values()), allow_unused=True)
        tensors |= {f"{variant}.o": output, f"{variant}.lse": log_sum_exp, f"{variant}.u": keys}
        for name, gradient in zip(NAMES, gradients):
            tensors[f"{variant}.d{name}"] = torch.zeros(shape) if gradient is None else gradient
    path = pathlib.Path(__file__).parent / f"attention_b{batch}_h{heads}_l{length}_d{size}.safetensors"
    tensors = {name: value.detach().double().contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"variants": json.dumps(VARIANTS)})


make(2, 2, 9, 4, seed=1)
make(1, 1, 67, 3, seed=2)
