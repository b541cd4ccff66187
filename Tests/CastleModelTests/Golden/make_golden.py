"""Makes the golden models of this folder: small models in float64, written from the definitions alone.

    python make_golden.py [NAME…]

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
SEED_STEP = 8
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
    "llama-biases-llama3": dict(
        model_type="llama", num_attention_heads=4, attention_bias=True, mlp_bias=True, rope_theta=300.0,
        rope_scaling=dict(
            rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=20)),
    "mistral-window-linear": dict(
        model_type="mistral", num_attention_heads=4, sliding_window=4, tie_word_embeddings=False,
        rope_scaling=dict(type="linear", factor=2.5)),
    "qwen2-window": dict(
        model_type="qwen2", num_attention_heads=4, use_sliding_window=True, sliding_window=3, max_window_layers=1),
    "qwen3-biases-yarn": dict(
        model_type="qwen3", num_attention_heads=4, attention_bias=True,
        rope_parameters=dict(
            rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=12, beta_fast=4.0,
            beta_slow=0.5)),
}

# What a folder of the family has without keys that it does not know.
UNKNOWN = {"mistral": ["attention_bias", "mlp_bias"], "qwen2": ["attention_bias", "mlp_bias"], "qwen3": ["mlp_bias", "rope_theta"]}


def lookahead(c):
    return c.get("attention_type", "causal") != "causal"


def biases(c):
    """The projections that have biases."""
    names = []
    if c["model_type"] == "qwen2" or c["attention_bias"]:
        names += ["self_attn.q", "self_attn.k", "self_attn.v"]
    if c["model_type"] != "qwen2" and c["attention_bias"]:
        names += ["self_attn.o"]
    if c["mlp_bias"]:
        names += ["mlp.gate", "mlp.up", "mlp.down"]
    return names


def window(c, layer):
    """How many tokens a query sees."""
    if c["model_type"] == "mistral":
        return c["sliding_window"]
    if c.get("use_sliding_window") and layer >= c["max_window_layers"]:
        return c["sliding_window"]
    return max(LENGTHS)


def shapes(c):
    size, hidden, d = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    queries, keys = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    result = {"model.embed_tokens.weight": (c["vocab_size"], size)}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        if lookahead(c):
            widths = dict(qu=keys, ku=keys, vu=keys, qc=queries, kc=keys, vc=keys)
        else:
            widths = dict(q=queries, k=keys, v=keys)
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
        if c["model_type"] == "qwen3":
            result[f"{p}self_attn.q_norm.weight"] = result[f"{p}self_attn.k_norm.weight"] = (d,)
        for name in biases(c):
            result[f"{p}{name}_proj.bias"] = (result[f"{p}{name}_proj.weight"][0],)
    result["model.norm.weight"] = (size,)
    if not c["tie_word_embeddings"]:
        result["lm_head.weight"] = (c["vocab_size"], size)
    return result


def norm(x, weight, c):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + c["rms_norm_eps"]) * weight


def frequencies(d, c):
    """The rotary frequencies and what rotated features are multiplied by."""
    r = c.get("rope_scaling") or c.get("rope_parameters") or {}
    theta = r.get("rope_theta", c["rope_theta"])
    plain = theta ** (-2 * torch.arange(d // 2) / d)
    kind = r.get("rope_type") or r.get("type")
    if kind is None:
        return plain, 1.0
    factor = r["factor"]
    if kind == "linear":
        return plain / factor, 1.0
    turns = r["original_max_position_embeddings"] * plain / (2 * math.pi)
    if kind == "llama3":
        low, high = r["low_freq_factor"], r["high_freq_factor"]
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        return kept * plain + (1 - kept) * plain / factor, 1.0
    assert kind == "yarn"

    def feature(turns):
        return d * math.log(r["original_max_position_embeddings"] / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(feature(r["beta_fast"])), 0)
    high = min(math.ceil(feature(r["beta_slow"])), d - 1)
    divided = ((torch.arange(d // 2) - low) / (high - low)).clamp(0, 1)
    return divided * plain / factor + (1 - divided) * plain, 0.1 * math.log(factor) + 1


def rotate(x, c):
    """x: (tokens, heads, d); pairs (i, i + d/2)."""
    length, _, d = x.shape
    radians, magnitude = frequencies(d, c)
    angles = torch.arange(length)[:, None] * radians
    cos, sin = magnitude * torch.cos(angles)[:, None], magnitude * torch.sin(angles)[:, None]
    a, b = x[..., : d // 2], x[..., d // 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def linear(x, w, name):
    y = x @ w[f"{name}_proj.weight"].T
    return y + w[f"{name}_proj.bias"] if f"{name}_proj.bias" in w else y


def attention(x, w, prefix, c, visible):
    """One document, token by token: Equations (1) to (3)."""
    length, d = x.shape[0], c["head_dim"]
    scale = 1 / math.sqrt(d)

    def project(name):
        return linear(x, w, f"{prefix}{name}").reshape(length, -1, d)

    if lookahead(c):
        qu, ku, vu = rotate(project("qu"), c), rotate(project("ku"), c), project("vu")
        if c.get("rope_lookahead_values", True):
            vu = rotate(vu, c)
    q, k, v = (project(n + "c" if lookahead(c) else n) for n in "qkv")
    if f"{prefix}q_norm.weight" in w:
        q, k = norm(q, w[f"{prefix}q_norm.weight"], c), norm(k, w[f"{prefix}k_norm.weight"], c)
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
            for s in range(max(0, t + 1 - visible), t + 1):
                score = q[t, h] @ k[s, g] * scale if c.get("causal_keys", True) else torch.zeros(())
                if lookahead(c):
                    u = torch.zeros(d)
                    for j in range(s + 1, min(s + window, t) + 1):
                        u = u + torch.sigmoid(qu[s, g] @ ku[j, g] * scale) * vu[j, g]
                    z = q[t, h] @ u * scale
                    score = score - (z * torch.sigmoid(z) if c.get("lookahead_silu", True) else z)
                scores.append(score)
            p = torch.softmax(torch.stack(scores), 0)
            rows.append((p[:, None] * v[max(0, t + 1 - visible) : t + 1, g]).sum(0))
        heads.append(torch.stack(rows))
    return linear(torch.cat(heads, -1), w, f"{prefix}o")


def logits(tokens, w, c):
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        x = x + attention(norm(x, w[f"{p}input_layernorm.weight"], c), w, f"{p}self_attn.", c, window(c, i))
        y = norm(x, w[f"{p}post_attention_layernorm.weight"], c)
        gate, up = linear(y, w, f"{p}mlp.gate"), linear(y, w, f"{p}mlp.up")
        x = x + linear(gate * torch.sigmoid(gate) * up, w, f"{p}mlp.down")
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
        if name.endswith("bias"):
            values = 0.2 * values
        else:
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
        seed += SEED_STEP
        w, tokens, targets = draw(c, seed)

    folder.mkdir(exist_ok=True)
    written = {k: v for k, v in c.items() if k not in UNKNOWN.get(c["model_type"], [])}
    (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
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
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        make(here / name, BASE | changes, seed)
        print(name)
