"""Random folders of LLaMA with all its switches, Mistral, Qwen2 and Qwen3: the same logits in transformers and here, in one pass
and through the cache; trained further here, they are read by transformers as the same model."""

import json
import shutil

import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config)
from transformers.utils import logging

from support import castle, require, require_close, temporary_folder

logging.disable_progress_bar()

TOLERANCE = 1e-4
VOCABULARY = 300
LENGTH = 150
BASE = dict(
    vocab_size=VOCABULARY, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=8,
    num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.2, eos_token_id=0, bos_token_id=0)

LINEAR = dict(rope_type="linear", factor=3.0)
DYNAMIC = dict(rope_type="dynamic", factor=2.0)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
YARN_OF_ALL = YARN | dict(
    beta_fast=16.0, beta_slow=2.0, mscale=0.7, mscale_all_dim=0.3, truncate=False)
YARN_FACTOR = YARN | dict(attention_factor=1.3)

CASES = {
    "llama, biases": (LlamaConfig, dict(attention_bias=True, mlp_bias=True), None),
    "llama, attention biases, tied": (LlamaConfig, dict(attention_bias=True, tie_word_embeddings=True), None),
    "llama, wide heads": (LlamaConfig, dict(head_dim=24), None),
    "llama, linear": (LlamaConfig, {}, LINEAR),
    "llama, dynamic": (LlamaConfig, {}, DYNAMIC),
    "llama, llama3": (LlamaConfig, {}, LLAMA3),
    "llama, yarn": (LlamaConfig, {}, YARN),
    "llama, yarn with all keys": (LlamaConfig, {}, YARN_OF_ALL),
    "llama, yarn with a factor": (LlamaConfig, {}, YARN_FACTOR),
    "mistral": (MistralConfig, dict(sliding_window=None), None),
    "mistral, window of 1": (MistralConfig, dict(sliding_window=1), None),
    "mistral, window of 20": (MistralConfig, dict(sliding_window=20), None),
    "mistral, window of 100": (MistralConfig, dict(sliding_window=100, head_dim=16), LINEAR),
    "qwen2": (Qwen2Config, dict(tie_word_embeddings=True), None),
    "qwen2, window": (
        Qwen2Config, dict(use_sliding_window=True, sliding_window=33, max_window_layers=1), YARN),
    "qwen3": (Qwen3Config, dict(head_dim=24), None),
    "qwen3, biases, layer types": (
        Qwen3Config, dict(
            head_dim=8, attention_bias=True, use_sliding_window=True, sliding_window=17,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"]), None),
}


def our_logits(folder, tokens, *options):
    output = folder.parent / "logits.safetensors"
    castle("logits", "--model", folder, "--tokens", ",".join(map(str, tokens)), "--output", output, *options)
    return load_file(output)["logits"]


def their_logits(model, tokens):
    with torch.no_grad():
        return model.float().eval()(torch.tensor([tokens])).logits[0]


def make_model(config):
    """Random weights, biases and norms among them."""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.3)
            elif "norm" in name:
                parameter.normal_(1, 0.2)
    return model


def write_in_version_4(folder, rope):
    """Spells the rotary positions as transformers 4 does."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters.pop("rope_theta")
    config["rope_scaling"] = rope and {("type" if k == "rope_type" else k): v for k, v in rope.items()}
    path.write_text(json.dumps(config))


def check(name, kind, changes, rope, shared):
    torch.manual_seed(len(name))
    parameters = dict(rope_type="default", rope_theta=10_000.0) | (rope or {})
    config = kind(**(BASE | changes), rope_parameters=parameters)
    model = make_model(config)
    tokens = torch.randint(0, VOCABULARY, (LENGTH,)).tolist()
    expected = their_logits(model, tokens)
    with temporary_folder() as folder:
        model.save_pretrained(folder / "model")
        logits = our_logits(folder / "model", tokens)
        require_close(name, logits, expected, TOLERANCE)
        for chunk in (1, 64):
            cached = our_logits(folder / "model", tokens, "--cached", "--chunk", chunk)
            require_close(f"{name}, cached by {chunk}", cached, expected, TOLERANCE)
        shutil.copytree(folder / "model", folder / "old")
        write_in_version_4(folder / "old", rope)
        require(torch.equal(our_logits(folder / "old", tokens), logits), f"{name}: other logits as version 4 spells it")

        settings = {
            "model.initial": folder / "model", "data.shards": shared / "data", "output": folder / "run",
            "training.steps": 1, "schedule.warm-up": 0, "optimizer.learning-rate": 1e-12,
            "training.sequence-length": 128, "training.batch-size": 2,
        }
        castle("train", *[word for key, value in settings.items() for word in ("--set", f"{key}={value}")])
        again = AutoModelForCausalLM.from_pretrained(
            folder / "run" / "model", dtype=torch.float32, attn_implementation="eager")
        require(type(again) is type(model), f"{name}: came back as a {type(again).__name__}")
        require_close(f"{name}, saved here, read there", their_logits(again, tokens), expected, TOLERANCE)
        ours, theirs = again.config.to_dict(), model.config.to_dict()
        for key in ("rope_parameters", "attention_bias", "mlp_bias", "layer_types", "sliding_window",
                    "tie_word_embeddings", "num_key_value_heads", "max_position_embeddings", "rms_norm_eps"):
            got, wanted = ours.get(key), theirs.get(key)
            if key == "rope_parameters":
                got = {k: v for k, v in got.items() if k in wanted}
            require(got == wanted, f"{name}: {key} came back as {got}, not {wanted}")


def check_further_training(shared):
    """Training further here makes the loss fall. Gradients are checked by golden models, in Tests/CastleModelTests."""
    for name in ("qwen2, window", "qwen3, biases, layer types", "llama, biases"):
        kind, changes, rope = CASES[name]
        torch.manual_seed(1)
        parameters = dict(rope_type="default", rope_theta=10_000.0) | (rope or {})
        model = make_model(kind(**(BASE | changes), rope_parameters=parameters))
        with temporary_folder() as folder:
            model.save_pretrained(folder / "model")
            settings = {
                "model.initial": folder / "model", "data.shards": shared / "data", "output": folder / "run",
                "training.steps": 3, "schedule.kind": "constant", "schedule.warm-up": 0,
                "optimizer.learning-rate": 1e-3, "training.sequence-length": 64, "training.batch-size": 4,
            }
            castle("train", *[w for key, value in settings.items() for w in ("--set", f"{key}={value}")])
            rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
            losses = [row["loss"] for row in rows if "learning_rate" in row]
            require(losses[-1] < losses[0], f"{name}: losses {losses}")
            print(f"{name}, trained further: losses {', '.join(f'{x:.3f}' for x in losses)}")


def make_text(shared):
    from tokenizers import ByteLevelBPETokenizer

    text = "\n".join(f"{n} times {n} is {n * n}; who would have thought of {n * 7 % 31}?" for n in range(2000))
    (shared / "text.txt").write_text(text)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([text], vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.save(str(shared / "tokenizer.json"))
    castle("prepare", "--tokenizer", shared / "tokenizer.json", "--output", shared / "data", shared / "text.txt")


if __name__ == "__main__":
    with temporary_folder() as shared:
        make_text(shared)
        for name, (kind, changes, rope) in CASES.items():
            check(name, kind, changes, rope, shared)
        check_further_training(shared)
