"""The configuration of a CASTLE model for Python's transformers.

CASTLE (causal attention with lookahead keys): Song, Sun, Yuan and Gu, arXiv 2509.07301.
"""

from transformers import PretrainedConfig


class CastleConfig(PretrainedConfig):
    """A decoder of LLaMA's kind whose keys may read later tokens.

    The keys are those of `LlamaConfig`, and:

    - `attention_type`: `causal`, `castle` or `castle-swl`
    - `lookahead_window`: for `castle-swl`, how many later tokens a key reads
    - `lookahead_silu`: whether the lookahead term passes through SiLU
    - `causal_keys`: whether scores contain the causal term
    - `rope_lookahead_values`: whether rotary positions turn v^U
    - `key_value_shift`: whether causal attention mixes keys and values with those of the token before
    - `training_length`: tokens of a sequence in training
    """

    model_type = "castle"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(
        self,
        vocab_size=4096,
        hidden_size=168,
        intermediate_size=448,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=None,
        head_dim=None,
        max_position_embeddings=1024,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        initializer_range=0.02,
        attention_type="castle",
        lookahead_window=None,
        lookahead_silu=True,
        causal_keys=True,
        rope_lookahead_values=True,
        key_value_shift=False,
        training_length=None,
        use_cache=True,
        tie_word_embeddings=True,
        **kwargs,
    ):
        if attention_type not in ("causal", "castle", "castle-swl"):
            raise ValueError(f"attention_type is {attention_type!r}, it must be causal, castle or castle-swl")
        if attention_type == "castle-swl" and (lookahead_window is None or lookahead_window < 0):
            raise ValueError(f"lookahead_window is {lookahead_window}, castle-swl needs a number of tokens, 0 or more")
        if key_value_shift and attention_type != "causal":
            raise ValueError(f"key_value_shift is true with attention_type {attention_type!r}, only causal has it")
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads or num_attention_heads
        self.head_dim = head_dim or hidden_size // num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.rms_norm_eps = rms_norm_eps
        self.rope_theta = rope_theta
        self.initializer_range = initializer_range
        self.attention_type = attention_type
        self.lookahead_window = lookahead_window
        self.lookahead_silu = lookahead_silu
        self.causal_keys = causal_keys
        self.rope_lookahead_values = rope_lookahead_values
        self.key_value_shift = key_value_shift
        self.training_length = training_length
        self.use_cache = use_cache
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)

    @property
    def has_lookahead(self):
        """Whether the layers have q^U, k^U and v^U."""
        return self.attention_type == "castle" or (self.attention_type == "castle-swl" and self.lookahead_window > 0)

    @property
    def window(self):
        """How many later tokens a key reads; more than any text has for full lookahead."""
        return self.lookahead_window if self.attention_type == "castle-swl" else 1 << 40
