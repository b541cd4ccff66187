"""Makes the golden models of this folder: small models in float64, written from the definitions alone.

    python make_golden.py [name …]

Each folder holds a model (config.json, model.safetensors in float32) and expected.safetensors: for some packed
documents the logits, the summed loss, the gradient of the mean loss for every parameter, and the mean losses of ten
AdamW steps. Attention is the recurrent definition, Equations (1) to (3), token by token. Needs torch and safetensors.

Weights are drawn again until the gradients are well-conditioned: computing in float32 is like moving the weights by a
rounding of theirs, and where that alone moves a gradient by 1e-5 of its size, no float32 program can be trusted to agree to 1e-5.
"""

import json
import math
import pathlib
import sys

import torch
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)

VOCABULARY = 23
LENGTHS = [9, 4, 7]
LARGEST_SENSITIVITY = 4e-6
SEEDS_APART = 8
ADAMW = dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)

BASE = dict(
    vocab_size=VOCABULARY, num_hidden_layers=2, hidden_size=12, intermediate_size=20, head_dim=6,
    num_attention_heads=2, num_key_value_heads=2, rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
    max_position_embeddings=32, hidden_act="silu", attention_bias=False, mlp_bias=False, bos_token_id=None,
    eos_token_id=None)

MODELS = {
    "causal": dict(model_type="llama", attention_type="causal"),
    "causal-grouped-untied": dict(
        model_type="llama", attention_type="causal", num_attention_heads=4, tie_word_embeddings=False,
        rope_theta=500.0),
    "castle": dict(model_type="castle", attention_type="castle", num_attention_heads=3, num_key_value_heads=3),
    "castle-grouped-untied": dict(
        model_type="castle", attention_type="castle", num_attention_heads=4, tie_word_embeddings=False),
    "castle-swl": dict(model_type="castle", attention_type="castle-swl", lookahead_window=3),
    "castle-swl-unrotated-values": dict(
        model_type="castle", attention_type="castle-swl", lookahead_window=2, rope_lookahead_values=False),
    "castle-without-silu": dict(model_type="castle", attention_type="castle", lookahead_silu=False),
    "castle-without-causal-keys": dict(model_type="castle", attention_type="castle", causal_keys=False),
    "causal-shifted": dict(
        model_type="castle", attention_type="causal", num_attention_heads=4, key_value_shift=True),
}


def shapes(c):
    size, hidden, d = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    queries, keys = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    result = {"model.embed_tokens.weight": (c["vocab_size"], size)}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        if c["attention_type"] == "causal":
            widths = dict(q=queries, k=keys, v=keys)
        else:
            widths = dict(qu=keys, ku=keys, vu=keys, qc=queries, kc=keys, vc=keys)
        for name, width in widths.items():
            result[f"{p}self_attn.{name}_proj.weight"] = (width, size)
        result[f"{p}self_attn.o_proj.weight"] = (size, queries)
        if c.get("key_value_shift"):
            result[f"{p}self_attn.kv_shift"] = (2, 2 * c["num_key_value_heads"])
        result[f"{p}mlp.gate_proj.weight"] = (hidden, size)
        result[f"{p}mlp.up_proj.weight"] = (hidden, size)
        result[f"{p}mlp.down_proj.weight"] = (size, hidden)
        result[f"{p}input_layernorm.weight"] = (size,)
        result[f"{p}post_attention_layernorm.weight"] = (size,)
    result["model.norm.weight"] = (size,)
    if not c["tie_word_embeddings"]:
        result["lm_head.weight"] = (c["vocab_size"], size)
    return result


def norm(x, weight, c):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + c["rms_norm_eps"]) * weight


def rotate(x, c):
    """x: (tokens, heads, d); pairs (i, i + d/2)."""
    length, _, d = x.shape
    frequencies = c["rope_theta"] ** (-2 * torch.arange(d // 2) / d)
    angles = torch.arange(length)[:, None] * frequencies
    cos, sin = torch.cos(angles)[:, None], torch.sin(angles)[:, None]
    a, b = x[..., : d // 2], x[..., d // 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attention(x, w, prefix, c):
    """One document, token by token: Equations (1) to (3)."""
    length, d = x.shape[0], c["head_dim"]
    scale = 1 / math.sqrt(d)

    def project(name):
        return (x @ w[f"{prefix}{name}_proj.weight"].T).reshape(length, -1, d)

    lookahead = c["attention_type"] != "causal"
    if lookahead:
        qu, ku, vu = rotate(project("qu"), c), rotate(project("ku"), c), project("vu")
        if c.get("rope_lookahead_values", True):
            vu = rotate(vu, c)
    q, k, v = (project(n + "c" if lookahead else n) for n in "qkv")
    if c.get("key_value_shift"):
        own, before = w[f"{prefix}kv_shift"].reshape(2, 2, -1, 1)
        k, v = (
            torch.stack([own[i] * x[t] + (before[i] * x[t - 1] if t > 0 else 0) for t in range(length)])
            for i, x in enumerate((k, v)))
    q, k = rotate(q, c), rotate(k, c)
    group = q.shape[1] // k.shape[1]
    window = c.get("lookahead_window", length)
    heads = []
    for h in range(q.shape[1]):
        g = h // group
        rows = []
        for t in range(length):
            scores = []
            for s in range(t + 1):
                score = q[t, h] @ k[s, g] * scale if c.get("causal_keys", True) else torch.zeros(())
                if lookahead:
                    u = torch.zeros(d)
                    for j in range(s + 1, min(s + window, t) + 1):
                        u = u + torch.sigmoid(qu[s, g] @ ku[j, g] * scale) * vu[j, g]
                    z = q[t, h] @ u * scale
                    score = score - (z * torch.sigmoid(z) if c.get("lookahead_silu", True) else z)
                scores.append(score)
            p = torch.softmax(torch.stack(scores), 0)
            rows.append((p[:, None] * v[: t + 1, g]).sum(0))
        heads.append(torch.stack(rows))
    return torch.cat(heads, -1) @ w[f"{prefix}o_proj.weight"].T


def logits(tokens, w, c):
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        x = x + attention(norm(x, w[f"{p}input_layernorm.weight"], c), w, f"{p}self_attn.", c)
        y = norm(x, w[f"{p}post_attention_layernorm.weight"], c)
        gate, up = y @ w[f"{p}mlp.gate_proj.weight"].T, y @ w[f"{p}mlp.up_proj.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ w[f"{p}mlp.down_proj.weight"].T
    head = w["model.embed_tokens.weight" if c["tie_word_embeddings"] else "lm_head.weight"]
    return norm(x, w["model.norm.weight"], c) @ head.T


def forward(tokens, targets, w, c):
    rows = torch.cat([logits(part, w, c) for part in tokens.split(LENGTHS)])
    kept = targets >= 0
    chosen = torch.log_softmax(rows[kept], -1).gather(1, targets[kept][:, None])
    return rows, -chosen.sum(), int(kept.sum())


def draw(c, seed):
    """Weights, tokens and targets."""
    generator = torch.Generator().manual_seed(seed)
    w = {}
    for name, shape in shapes(c).items():
        values = torch.randn(shape, generator=generator)
        values = 1 + 0.2 * values if len(shape) == 1 else values * (0.6 if "embed" in name else 0.35)
        w[name] = values.float().double().requires_grad_()
    tokens = torch.randint(0, VOCABULARY, (sum(LENGTHS),), generator=generator)
    targets = torch.randint(0, VOCABULARY, (sum(LENGTHS),), generator=generator)
    targets[5] = targets[12] = -1
    return w, tokens, targets


def gradients(w, tokens, targets, c):
    """The gradient of the mean loss, by name."""
    _, total, count = forward(tokens, targets, w, c)
    found = torch.autograd.grad(total / count, w.values(), allow_unused=True)
    return {k: torch.zeros_like(v) if g is None else g for (k, v), g in zip(w.items(), found)}


def sensitivity(w, tokens, targets, c):
    """By how much of its size the most sensitive gradient moves when all weights move by a rounding to float32."""
    generator = torch.Generator().manual_seed(0)
    before = gradients(w, tokens, targets, c)
    worst = 0.0
    for _ in range(4):
        moved = {
            k: (v.detach() * (1 + 2**-24 * (2 * torch.rand(v.shape, generator=generator) - 1))).requires_grad_()
            for k, v in w.items()}
        after = gradients(moved, tokens, targets, c)
        for k, g in before.items():
            if g.abs().max() > 0:
                worst = max(worst, ((after[k] - g).abs().max() / g.abs().max()).item())
    return worst


def make(folder, c, seed):
    w, tokens, targets = draw(c, seed)
    while sensitivity(w, tokens, targets, c) > LARGEST_SENSITIVITY:
        seed += SEEDS_APART
        w, tokens, targets = draw(c, seed)

    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(c, indent=1, sort_keys=True) + "\n")
    save_file(
        {k: v.detach().float().contiguous() for k, v in w.items()}, folder / "model.safetensors",
        metadata={"format": "pt"})

    rows, total, _ = forward(tokens, targets, w, c)
    expected = {"logits": rows.detach(), "loss": total.detach().reshape(1)}
    for name, gradient in gradients(w, tokens, targets, c).items():
        expected["gradient." + name] = gradient.float()

    matrices = [v for k, v in w.items() if v.dim() == 2 and "kv_shift" not in k]
    vectors = [v for k, v in w.items() if v.dim() == 1 or "kv_shift" in k]
    options = [dict(params=matrices), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(options, **ADAMW)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        _, total, count = forward(tokens, targets, w, c)
        (total / count).backward()
        losses.append(total.item() / count)
        optimizer.step()
    expected["losses"] = torch.tensor(losses)
    expected["tokens"], expected["targets"] = tokens, targets
    expected["lengths"] = torch.tensor(LENGTHS)
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for seed, (name, changes) in enumerate(MODELS.items()):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        make(here / name, BASE | changes, seed)
        print(name)
