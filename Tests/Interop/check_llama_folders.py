"""Model folders of transformers and ours give the same logits on either side."""

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from support import castle, require, require_close, temporary_folder

logging.disable_progress_bar()

TOLERANCE = 1e-4
TOKENS = [5, 17, 3, 3, 60, 0, 41, 88, 2, 2, 9, 77, 5, 6, 7, 31]

CASES = {
    "plain": dict(),
    "grouped queries": dict(num_key_value_heads=2),
    "one key head": dict(num_key_value_heads=1),
    "tied head": dict(tie_word_embeddings=True),
    "wide heads": dict(head_dim=24, num_key_value_heads=4),
    "another rotary base": dict(rope_theta=500_000.0, rms_norm_eps=1e-6),
    "bfloat16": dict(type=torch.bfloat16),
    "float16": dict(type=torch.float16),
    "sharded": dict(shard="40KB"),
    "sharded bfloat16, grouped, tied": dict(
        shard="20KB", type=torch.bfloat16, num_key_value_heads=2, tie_word_embeddings=True),
}


def our_logits(folder, *options):
    output = folder.parent / "logits.safetensors"
    castle("logits", "--model", folder, "--tokens", ",".join(map(str, TOKENS)), "--output", output, *options)
    return load_file(output)["logits"]


def their_logits(model):
    with torch.no_grad():
        return model.float().eval()(torch.tensor([TOKENS])).logits[0]


def theirs_to_ours(name, case):
    case = dict(case)
    shard, kind = case.pop("shard", "5GB"), case.pop("type", torch.float32)
    theta = case.pop("rope_theta", 10_000.0)
    torch.manual_seed(len(name))
    config = LlamaConfig(
        vocab_size=96, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=8,
        max_position_embeddings=64, initializer_range=0.2,
        **(dict(rope_parameters=dict(rope_type="default", rope_theta=theta)) | case))
    model = LlamaForCausalLM(config).to(kind)
    with temporary_folder() as folder:
        model.save_pretrained(folder / "model", max_shard_size=shard)
        files = list((folder / "model").glob("*.safetensors"))
        require(("sharded" in name) == (len(files) > 1), f"{name}: {len(files)} files")
        expected = their_logits(LlamaForCausalLM.from_pretrained(folder / "model", dtype=torch.float32))
        require_close(f"theirs, {name}", our_logits(folder / "model"), expected, TOLERANCE)
        cached = our_logits(folder / "model", "--cached", "--chunk", 3)
        require_close(f"theirs, {name}, cached", cached, expected, TOLERANCE)


def ours_to_theirs():
    """A causal model that castle trained for two steps is a LlamaForCausalLM."""
    from tokenizers import ByteLevelBPETokenizer

    with temporary_folder() as folder:
        text = "\n".join(f"{n} times {n} is {n * n}; who would have thought of {n * 7 % 31}?" for n in range(2000))
        (folder / "text.txt").write_text(text)
        tokenizer = ByteLevelBPETokenizer()
        tokenizer.train_from_iterator([text], vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False)
        tokenizer.save(str(folder / "tokenizer.json"))
        castle("prepare", "--tokenizer", folder / "tokenizer.json", "--output", folder / "data", folder / "text.txt")
        settings = {
            "model.preset": "1m-causal", "data.shards": folder / "data", "output": folder / "run",
            "training.steps": 2, "schedule.warm-up": 1, "training.sequence-length": 128, "training.batch-size": 2,
        }
        changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        castle("train", *changes)
        ours = folder / "run" / "model"
        model = AutoModelForCausalLM.from_pretrained(ours, dtype=torch.float32)
        require(type(model) is LlamaForCausalLM, f"transformers made a {type(model).__name__}")
        logits = our_logits(ours)
        require_close("ours in transformers", logits, their_logits(model), TOLERANCE)

        model.save_pretrained(folder / "again")
        require(torch.equal(our_logits(folder / "again"), logits), "saving with transformers changed the logits")
        print("ours, saved by transformers: the same bits")


if __name__ == "__main__":
    for name, case in CASES.items():
        theirs_to_ours(name, case)
    ours_to_theirs()
