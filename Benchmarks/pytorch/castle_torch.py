"""The decoder (Equations, Model) in PyTorch, as what training speed is compared with.

Attention comes in three forms: `causal` (PyTorch's fused kernel), `dense` (Equations (4)-(5): products of whole
L x L matrices) and `row-block` (Equations (6)-(8) with a hand-written backward pass).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def lookahead_mask(start, end, window, device):
    """N of Equations (4) for all keys before `end` against the tokens start ..< end: (end, end - start)."""
    s = torch.arange(end, device=device)[:, None]
    j = torch.arange(start, end, device=device)[None, :]
    return (s < j) & (j <= s + window)


def dense_attention(qu, ku, vu, qc, kc, vc, window):
    """Equations (4)-(5). All operands are (B, H, L, d)."""
    length, scale = qc.shape[2], 1 / math.sqrt(qc.shape[3])
    causal = torch.ones(length, length, dtype=torch.bool, device=qc.device).tril()
    ahead = lookahead_mask(0, length, window, qc.device)
    e = (qc @ vu.mT * scale) * causal
    g = torch.sigmoid(qu @ ku.mT * scale) * ahead
    scores = qc @ kc.mT * scale - F.silu(e @ g.mT)
    return torch.softmax(scores.masked_fill(~causal, -math.inf), -1) @ vc


class RowBlockAttention(torch.autograd.Function):
    """Equations (6)-(8): one row block at a time against all columns up to its end."""

    @staticmethod
    def forward(ctx, qu, ku, vu, qc, kc, vc, window, block):
        length, scale = qc.shape[2], 1 / math.sqrt(qc.shape[3])
        u = torch.zeros_like(vu)
        output = torch.empty_like(qc)
        lse = qc.new_empty(qc.shape[:3])
        for start in range(0, length, block):
            end = min(start + block, length)
            low, g, e, s = RowBlockAttention.parts(qu, ku, vu, qc, u, start, end, window, scale)
            a = RowBlockAttention.scores(qc, kc, s, start, end, scale)
            lse[:, :, start:end] = torch.logsumexp(a, -1)
            p = torch.exp(a - lse[:, :, start:end, None])
            output[:, :, start:end] = p @ vc[:, :, :end]
            u[:, :, low:end] += g @ vu[:, :, start:end]
        ctx.save_for_backward(qu, ku, vu, qc, kc, vc, u, output, lse)
        ctx.window, ctx.block = window, block
        return output

    @staticmethod
    def parts(qu, ku, vu, qc, u, start, end, window, scale):
        """The first key whose lookahead key changes, G (from it on), E and S."""
        low = max(0, start - min(window, start))
        rows = slice(start, end)
        g = torch.sigmoid(qu[:, :, low:end] @ ku[:, :, rows].mT * scale)
        g = g * lookahead_mask(start, end, window, qc.device)[low:]
        e = (qc[:, :, rows] @ vu[:, :, rows].mT * scale).tril()
        s = qc[:, :, rows] @ u[:, :, :end].mT * scale
        s[..., low:] += e @ g.mT
        return low, g, e, s

    @staticmethod
    def scores(qc, kc, s, start, end, scale):
        a = qc[:, :, start:end] @ kc[:, :, :end].mT * scale - F.silu(s)
        causal = torch.ones(end - start, end - start, dtype=torch.bool, device=qc.device).tril()
        a[..., start:].masked_fill_(~causal, -math.inf)
        return a

    @staticmethod
    def backward(ctx, d_output):
        qu, ku, vu, qc, kc, vc, u, output, lse = ctx.saved_tensors
        window, block = ctx.window, ctx.block
        length, scale = qc.shape[2], 1 / math.sqrt(qc.shape[3])
        u = u.clone()
        delta = (d_output * output).sum(-1, keepdim=True)
        dqu, dku, dvu, dqc, dkc, dvc, du = (torch.zeros_like(x) for x in (qu, ku, vu, qc, kc, vc, u))
        for start in reversed(range(0, length, block)):
            end = min(start + block, length)
            rows = slice(start, end)
            low = max(0, start - min(window, start))
            g = torch.sigmoid(qu[:, :, low:end] @ ku[:, :, rows].mT * scale)
            g = g * lookahead_mask(start, end, window, qc.device)[low:]
            u[:, :, low:end] -= g @ vu[:, :, rows]
            e = (qc[:, :, rows] @ vu[:, :, rows].mT * scale).tril()
            s = qc[:, :, rows] @ u[:, :, :end].mT * scale
            s[..., low:] += e @ g.mT
            a = RowBlockAttention.scores(qc, kc, s, start, end, scale)
            p = torch.exp(a - lse[:, :, rows, None])
            do = d_output[:, :, rows]
            dvc[:, :, :end] += p.mT @ do
            da = p * (do @ vc[:, :, :end].mT - delta[:, :, rows])
            sigma = torch.sigmoid(s)
            ds = -sigma * (1 + s * (1 - sigma)) * da
            dqc[:, :, rows] += (da @ kc[:, :, :end] + ds @ u[:, :, :end]) * scale
            dkc[:, :, :end] += da.mT @ qc[:, :, rows] * scale
            de = (ds[..., low:] @ g).tril()
            dqc[:, :, rows] += de @ vu[:, :, rows] * scale
            dvu[:, :, rows] += de.mT @ qc[:, :, rows] * scale + g.mT @ du[:, :, low:end]
            dg = ds[..., low:].mT @ e + du[:, :, low:end] @ vu[:, :, rows].mT
            dz = dg * g * (1 - g)
            dqu[:, :, low:end] += dz @ ku[:, :, rows] * scale
            dku[:, :, rows] += dz.mT @ qu[:, :, low:end] * scale
            du[:, :, :end] += ds.mT @ qc[:, :, rows] * scale
        return dqu, dku, dvu, dqc, dkc, dvc, None, None


class Attention(nn.Module):
    def __init__(self, config, form, block):
        super().__init__()
        self.heads, self.size = config["num_attention_heads"], config["head_dim"]
        self.form, self.block = form, block
        self.window = config.get("lookahead_window") or 1 << 40
        self.rotates_values = config.get("rope_lookahead_values", True)
        self.kinds = 3 if form == "causal" else 6
        width = self.heads * self.size
        self.project = nn.Linear(config["hidden_size"], self.kinds * width, bias=False)
        self.out = nn.Linear(width, config["hidden_size"], bias=False)

    def forward(self, x, cosines, sines):
        batch, length, _ = x.shape
        parts = self.project(x).view(batch, length, self.kinds, self.heads, self.size)
        parts = parts.permute(2, 0, 3, 1, 4)

        def turned(t):
            a, b = t.chunk(2, -1)
            return torch.cat((a * cosines - b * sines, b * cosines + a * sines), -1)

        if self.form == "causal":
            q, k, v = parts
            y = F.scaled_dot_product_attention(turned(q), turned(k), v, is_causal=True)
        else:
            qu, ku, vu, qc, kc, vc = parts
            qu, ku, qc, kc = map(turned, (qu, ku, qc, kc))
            vu = turned(vu) if self.rotates_values else vu
            if self.form == "dense":
                y = dense_attention(qu, ku, vu, qc, kc, vc, self.window)
            else:
                y = RowBlockAttention.apply(qu, ku, vu, qc, kc, vc, self.window, self.block)
        return self.out(y.transpose(1, 2).reshape(batch, length, -1))


class Layer(nn.Module):
    def __init__(self, config, form, block):
        super().__init__()
        size, hidden, epsilon = config["hidden_size"], config["intermediate_size"], config["rms_norm_eps"]
        self.attention_norm = nn.RMSNorm(size, epsilon)
        self.attention = Attention(config, form, block)
        self.mlp_norm = nn.RMSNorm(size, epsilon)
        self.gate_up = nn.Linear(size, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, size, bias=False)

    def forward(self, x, cosines, sines):
        x = x + self.attention(self.attention_norm(x), cosines, sines)
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class LanguageModel(nn.Module):
    """A decoder described by the `config.json` of a castle model folder."""

    def __init__(self, config, form, block=128):
        super().__init__()
        self.embedding = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(
            Layer(config, form, block) for _ in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        if config.get("tie_word_embeddings", True):
            self.head.weight = self.embedding.weight
        half = config["head_dim"] // 2
        speeds = config["rope_theta"] ** (-torch.arange(half) / half)
        angles = torch.arange(config["max_position_embeddings"])[:, None] * speeds
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        length = tokens.shape[1]
        for layer in self.layers:
            x = layer(x, self.cosines[:length], self.sines[:length])
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
