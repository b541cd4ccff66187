"""Checks that the forms of CASTLE in castle_torch.py agree, outputs and gradients, in double precision."""

import torch

from castle_torch import RowBlockAttention, dense_attention

torch.manual_seed(0)
for length, window, block in [(1, 1 << 40, 8), (37, 1 << 40, 8), (64, 1 << 40, 16), (65, 5, 16), (40, 100, 7)]:
    inputs = [torch.randn(2, 3, length, 16, dtype=torch.float64, requires_grad=True) for _ in range(6)]
    weight = torch.randn(2, 3, length, 16, dtype=torch.float64)
    results = []
    for output in (dense_attention(*inputs, window), RowBlockAttention.apply(*inputs, window, block)):
        results.append([output, *torch.autograd.grad((output * weight).sum(), inputs)])
    worst = max((a - b).abs().max().item() for a, b in zip(*results))
    if worst > 1e-10:
        raise SystemExit(f"error: the forms differ by {worst} at length {length}, window {window}")
print("the forms agree")
