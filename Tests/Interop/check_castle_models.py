"""Folders of CASTLE models in transformers: the same logits, with and without a cache, greedy text, and back."""

import torch
from safetensors.torch import load_file
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from support import castle, require, require_close, temporary_folder

logging.disable_progress_bar()

TOLERANCE = 1e-4

CASES = {
    "castle": {"model.preset": "1m-castle"},
    "sliding window": {"model.preset": "1m-castle-swl", "model.window": 5},
    "long window": {"model.preset": "1m-castle-swl", "model.window": 70},
    "without SiLU": {"model.preset": "1m-castle", "model.silu": "false"},
    "without causal keys": {"model.preset": "1m-castle", "model.causal-keys": "false"},
    "values not rotated": {"model.preset": "1m-castle", "model.rotary-lookahead-values": "false"},
    "grouped queries": {"model.preset": "1m-castle-swl", "model.heads": 6, "model.kv-heads": 2},
    "shifted keys and values": {
        "model.preset": "1m-causal", "model.key-value-shift": "true", "model.heads": 6, "model.kv-heads": 2,
    },
    "untied": {"model.preset": "1m-castle", "model.tied-embeddings": "false"},
}


def our_logits(folder, tokens):
    output = folder.parent / "logits.safetensors"
    ids = ",".join(map(str, tokens.tolist()))
    castle("logits", "--model", folder, "--tokens", ids, "--output", output)
    return load_file(output)["logits"]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=torch.float32).eval()


def in_pieces(model, tokens):
    """Logits through the cache, some tokens at a time."""
    cache, parts = None, []
    for start, end in [(0, 3), (3, 70), (70, 71), (71, len(tokens))]:
        result = model(tokens[None, start:end], past_key_values=cache, use_cache=True)
        cache = result.past_key_values
        parts.append(result.logits[0])
    return torch.cat(parts)


def check(name, settings, root):
    run = root / name.replace(" ", "-")
    settings = settings | {
        "data.shards": root / "data", "output": run, "training.steps": 2, "training.sequence-length": 128,
        "training.batch-size": 2, "schedule.warm-up": 1, "optimizer.learning-rate": 0.05, "evaluation.tokens": 500,
    }
    castle("train", *[word for key, value in settings.items() for word in ("--set", f"{key}={value}")])
    folder = run / "model"
    model = load(folder)
    require(type(model).__name__ == "CastleForCausalLM", f"transformers made a {type(model).__name__}")
    tokens = torch.randint(0, model.config.vocab_size, (150,), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(tokens[None]).logits[0]
        require_close(f"{name}", our_logits(folder, tokens), expected, TOLERANCE)
        require_close(f"{name}, cache", in_pieces(model, tokens), expected, TOLERANCE)
        padding, ones = torch.zeros(7, dtype=torch.long), torch.ones(20, dtype=torch.long)
        padded = model(torch.cat([padding, tokens[:20]])[None], attention_mask=torch.cat([padding, ones])[None])
        require_close(f"{name}, padding to the left", padded.logits[0, 7:], expected[:20], TOLERANCE)
        written = model.generate(tokens[None, :10], max_new_tokens=8, do_sample=False, eos_token_id=None)
        greedy = tokens[None, :10]
        for _ in range(8):
            greedy = torch.cat([greedy, our_logits(folder, greedy[0])[-1:].argmax(-1, keepdim=True)], 1)
        require(torch.equal(written, greedy), f"{name}: generate wrote {written.tolist()}, not {greedy.tolist()}")
    model(tokens[None], labels=tokens[None]).loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    model.save_pretrained(root / "trained")
    with torch.no_grad():
        expected = model(tokens[None]).logits[0]
    require_close(f"{name}, trained in Python", our_logits(root / "trained", tokens), expected, TOLERANCE)


if __name__ == "__main__":
    with temporary_folder() as root:
        text = "\n".join(f"{n} times {n} is {n * n}; who would have thought of {n * 7 % 31}?" for n in range(2000))
        (root / "text.txt").write_text(text)
        tokenizer = ByteLevelBPETokenizer()
        tokenizer.train_from_iterator([text], vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False)
        tokenizer.save(str(root / "tokenizer.json"))
        castle("prepare", "--tokenizer", root / "tokenizer.json", "--output", root / "data", root / "text.txt")
        for name, settings in CASES.items():
            check(name, settings, root)
