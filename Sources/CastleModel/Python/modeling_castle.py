"""CASTLE language models in PyTorch, for Python's transformers.

Attention takes rows in blocks: O(L^2 d) operations and O(L d) memory without gradients. What a layer remembers of a
text is the UQ-KV cache: the lookahead keys u, the causal keys k^C and values v^C of all tokens, and q^U of those whose
lookahead keys still change.
"""

import math

import torch
import torch.nn.functional as F
import transformers
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_castle import CastleConfig

BLOCK = 64


def lookahead_attention(q, k, v, lookahead, config, key_mask=None, past=None):
    """Attention of n new tokens that come after those in `past`.

    q: (B, H, G, n, d), G query heads for each of H key heads; k, v: (B, H, n, d); lookahead: (q^U, k^U, v^U), each
    (B, H, n, d), or None; key_mask: (B, past + n), False for padding, or None.

    Returns the outputs, (B, H, G, n, d), and what the next tokens need as `past`.
    """
    count, size = k.shape[2], k.shape[3]
    scale = 1 / math.sqrt(size)
    start = 0 if past is None else past["k"].shape[2]
    if past is not None:
        k, v = torch.cat([past["k"], k], 2), torch.cat([past["v"], v], 2)
    u = qu = None
    if lookahead is not None:
        qu, ku, vu = lookahead
        # Row r of qu belongs to the token first + r.
        first = start
        u = torch.zeros_like(qu)
        if past is not None:
            first = start - past["qu"].shape[2]
            qu, u = torch.cat([past["qu"], qu], 2), torch.cat([past["u"], u], 2)
    outputs = []
    for low in range(start, start + count, BLOCK):
        high = min(low + BLOCK, start + count)
        rows = slice(low - start, high - start)
        queries = q[..., rows, :]
        visible = torch.arange(high, device=q.device)[None, :] <= torch.arange(low, high, device=q.device)[:, None]
        if key_mask is not None:
            own = torch.arange(high, device=q.device)[None, :] == torch.arange(low, high, device=q.device)[:, None]
            visible = (visible & key_mask[:, None, :high] | own)[:, None, None]
        scores = 0
        if config.causal_keys:
            scores = queries @ k[:, :, None, :high].mT * scale
        if lookahead is not None:
            # Keys before `moved` have read all that their window reaches.
            moved = max(first, low - config.window)
            gate = torch.sigmoid(qu[:, :, moved - first : high - first] @ ku[:, :, rows].mT * scale)
            keys = torch.arange(moved, high, device=q.device)[:, None]
            tokens = torch.arange(low, high, device=q.device)[None, :]
            reads = (keys < tokens) & (tokens <= keys + config.window)
            if key_mask is not None:
                reads = (reads & key_mask[:, None, low:high])[:, None]
            gate = gate * reads
            ahead = queries @ u[:, :, None, :high].mT * scale
            within = (queries @ vu[:, :, None, rows].mT * scale).tril() @ gate[:, :, None].mT
            ahead = ahead + F.pad(within, (moved, 0))
            scores = scores - (F.silu(ahead) if config.lookahead_silu else ahead)
            step = gate @ vu[:, :, rows]
            u = torch.cat([u[:, :, :moved], u[:, :, moved:high] + step, u[:, :, high:]], 2)
        weights = torch.softmax(scores.masked_fill(~visible, -math.inf), -1, dtype=torch.float32)
        outputs.append(weights.to(v.dtype) @ v[:, :, None, :high])
    present = {"k": k, "v": v}
    if lookahead is not None:
        kept = min(config.window, start + count)
        present["u"], present["qu"] = u, qu[:, :, max(0, qu.shape[2] - kept) :]
    return torch.cat(outputs, 3), present


class CastleCache:
    """What all layers remember of a batch of texts."""

    is_compileable = False

    def __init__(self, layer_count):
        self.layers = [None] * layer_count

    def get_seq_length(self, layer_idx=0):
        layer = self.layers[layer_idx]
        return 0 if layer is None else layer["k"].shape[2]

    def get_max_cache_shape(self):
        return -1

    def reorder_cache(self, beam_idx):
        self.layers = [
            layer and {name: x.index_select(0, beam_idx.to(x.device)) for name, x in layer.items()}
            for layer in self.layers
        ]

    def batch_repeat_interleave(self, repeats):
        self.layers = [
            layer and {name: x.repeat_interleave(repeats, 0) for name, x in layer.items()} for layer in self.layers
        ]

    def batch_select_indices(self, indices):
        self.layers = [layer and {name: x[indices] for name, x in layer.items()} for layer in self.layers]


class CastleRMSNorm(nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * y.to(x.dtype)


class CastleRotary:
    """Cosines and sines of given positions; features i and i + d/2 are one pair."""

    def __init__(self, config, positions, dtype):
        half = config.head_dim // 2
        exponents = torch.arange(half, device=positions.device, dtype=torch.float64) * 2 / config.head_dim
        angles = positions[..., None].double() * config.rope_theta**-exponents
        self.cos, self.sin = angles.cos().to(dtype)[:, None], angles.sin().to(dtype)[:, None]

    def __call__(self, x):
        """x: (B, heads, n, d)."""
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)


class CastleAttention(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.config, self.layer_idx = config, layer_idx
        query, key = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
        names = {"qc": query, "kc": key, "vc": key} if config.has_lookahead else {"q": query, "k": key, "v": key}
        if config.has_lookahead:
            names.update(qu=key, ku=key, vu=key)
        for name, width in names.items():
            setattr(self, f"{name}_proj", nn.Linear(config.hidden_size, width, bias=False))
        self.o_proj = nn.Linear(query, config.hidden_size, bias=False)
        if config.key_value_shift:
            # Own and before, for the keys of all heads and then for the values.
            self.kv_shift = nn.Parameter(torch.empty(2, 2 * config.num_key_value_heads))

    def shifted(self, k, v, key_mask, past):
        """Keys and values mixed with those of the token before (arXiv 2411.19574), and the last ones as they were."""
        x = torch.cat([k, v], 1)
        first = torch.zeros_like(x[:, :, :1]) if past is None else past["last"]
        before = torch.cat([first, x[:, :, :-1]], 2)
        if key_mask is not None:
            seen = F.pad(key_mask, (1, 0))[:, key_mask.shape[1] - x.shape[2] : key_mask.shape[1]]
            before = before * seen[:, None, :, None]
        own, other = self.kv_shift.view(2, 1, -1, 1, 1)
        return (*(own * x + other * before).chunk(2, 1), x[:, :, -1:])

    def heads(self, name, x, rotary=None):
        y = getattr(self, f"{name}_proj")(x)
        y = y.view(*x.shape[:2], -1, self.config.head_dim).transpose(1, 2)
        return rotary(y) if rotary else y

    def forward(self, x, rotary, key_mask, past):
        config = self.config
        lookahead = None
        q, k, v = ("qc", "kc", "vc") if config.has_lookahead else ("q", "k", "v")
        if config.has_lookahead:
            values = rotary if config.rope_lookahead_values else None
            lookahead = (self.heads("qu", x, rotary), self.heads("ku", x, rotary), self.heads("vu", x, values))
        queries = self.heads(q, x, rotary).unflatten(1, (config.num_key_value_heads, -1))
        keys, values = self.heads(k, x), self.heads(v, x)
        last = None
        if config.key_value_shift:
            keys, values, last = self.shifted(keys, values, key_mask, past)
        y, present = lookahead_attention(queries, rotary(keys), values, lookahead, config, key_mask, past)
        if last is not None:
            present["last"] = last
        return self.o_proj(y.flatten(1, 2).transpose(1, 2).flatten(2)), present


class CastleMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class CastleDecoderLayer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.self_attn = CastleAttention(config, layer_idx)
        self.mlp = CastleMLP(config)
        self.input_layernorm = CastleRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = CastleRMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x, rotary, key_mask, past):
        attended, present = self.self_attn(self.input_layernorm(x), rotary, key_mask, past)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), present


class CastlePreTrainedModel(PreTrainedModel):
    config_class = CastleConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = False
    _no_split_modules = ["CastleDecoderLayer"]

    def _init_weights(self, module):
        residual = self.config.initializer_range / math.sqrt(2 * self.config.num_hidden_layers)
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        elif isinstance(module, CastleRMSNorm):
            nn.init.ones_(module.weight)
        if isinstance(module, CastleAttention):
            nn.init.normal_(module.o_proj.weight, std=residual)
            if self.config.key_value_shift:
                with torch.no_grad():
                    module.kv_shift[0].uniform_(0, 1)
                    module.kv_shift[1] = 1 - module.kv_shift[0]
        elif isinstance(module, CastleMLP):
            nn.init.normal_(module.down_proj.weight, std=residual)


class CastleModel(CastlePreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(CastleDecoderLayer(config, i) for i in range(config.num_hidden_layers))
        self.norm = CastleRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_init()

    def get_input_embeddings(self):
        return self.embed_tokens

    def set_input_embeddings(self, value):
        self.embed_tokens = value

    def forward(self, input_ids=None, inputs_embeds=None, attention_mask=None, position_ids=None, cache=None):
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        start = cache.get_seq_length() if cache is not None else 0
        key_mask = None
        if attention_mask is not None and not attention_mask.bool().all():
            key_mask = attention_mask.bool()
            if key_mask.shape[1] != start + x.shape[1]:
                raise ValueError(
                    f"attention_mask covers {key_mask.shape[1]} tokens, the text has {start + x.shape[1]}"
                )
        if position_ids is None:
            if key_mask is not None:
                position_ids = (key_mask.long().cumsum(1) - 1).clamp(min=0)[:, start:]
            else:
                position_ids = torch.arange(start, start + x.shape[1], device=x.device)[None]
        rotary = CastleRotary(self.config, position_ids, x.dtype)
        for index, layer in enumerate(self.layers):
            x, present = layer(x, rotary, key_mask, cache.layers[index] if cache is not None else None)
            if cache is not None:
                cache.layers[index] = present
        return self.norm(x)


class CastleForCausalLM(CastlePreTrainedModel, GenerationMixin):
    _tied_weights_keys = (
        {"lm_head.weight": "model.embed_tokens.weight"}
        if int(transformers.__version__.split(".")[0]) >= 5
        else ["lm_head.weight"]
    )

    def __init__(self, config):
        super().__init__(config)
        self.model = CastleModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def set_input_embeddings(self, value):
        self.model.embed_tokens = value

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

    @classmethod
    def _supports_default_dynamic_cache(cls):
        return False

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=None,
        return_dict=None,
        logits_to_keep=0,
        **kwargs,
    ):
        use_cache = self.config.use_cache and not self.training if use_cache is None else use_cache
        cache = past_key_values if isinstance(past_key_values, CastleCache) else None
        if cache is None and past_key_values is not None and past_key_values.get_seq_length() > 0:
            raise ValueError("past_key_values is no CastleCache: give back what an earlier call returned")
        if cache is None and use_cache:
            cache = CastleCache(self.config.num_hidden_layers)
        x = self.model(input_ids, inputs_embeds, attention_mask, position_ids, cache)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(x[:, kept])
        loss = None
        if labels is not None:
            loss = F.cross_entropy(
                logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten().to(logits.device), ignore_index=-100
            )
        if return_dict is False:
            return tuple(value for value in (loss, logits, cache) if value is not None)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=cache)

    def prepare_inputs_for_generation(self, input_ids, past_key_values=None, attention_mask=None, **kwargs):
        start = past_key_values.get_seq_length() if past_key_values is not None else 0
        return {
            "input_ids": input_ids[:, start:],
            "past_key_values": past_key_values if start else None,
            "attention_mask": attention_mask,
            "use_cache": kwargs.get("use_cache"),
        }
