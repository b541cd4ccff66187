"""Training speed of a castle model in PyTorch: prints one JSON object.

    python train_speed.py --config runs/a/model/config.json --form row-block --length 512 --batch 8

The steps are the first ones of training: forward, backward, clipping to norm 1, AdamW. Tokens are random unless a shard is
given.
"""

import argparse
import json
import pathlib
import resource
import statistics
import time

import numpy
import torch

from castle_torch import LanguageModel


def read_tokens(path):
    """The tokens of an llm.c shard: a header of 256 int32, then uint16 (or uint32 for large vocabularies)."""
    header = numpy.fromfile(path, dtype="<i4", count=256)
    if header[0] != 20240520:
        raise SystemExit(f"error: {path} is not a token shard")
    width = "<u4" if pathlib.Path(path).stat().st_size >= 1024 + 4 * int(header[2]) else "<u2"
    return torch.from_numpy(numpy.fromfile(path, dtype=width, offset=1024).astype(numpy.int64))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", required=True, help="config.json of a castle model folder")
    parser.add_argument("--form", choices=["causal", "dense", "row-block"], required=True)
    parser.add_argument("--shard", help="llm.c token shard (default: random tokens)")
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--block", type=int, default=128, help="rows of a block of row-block")
    parser.add_argument("--warm-up", type=int, default=2, help="steps that are not timed")
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    with open(options.config) as file:
        config = json.load(file)
    config["max_position_embeddings"] = max(config["max_position_embeddings"], options.length)
    model = LanguageModel(config, options.form, options.block)
    step_model = torch.compile(model) if options.compile else model
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.95), fused=True)

    per_step = options.batch * options.length
    if options.shard:
        tokens = read_tokens(options.shard)
    else:
        tokens = torch.randint(config["vocab_size"], (4 * per_step + 1,))
    seconds, losses = [], []
    for step in range(options.warm_up + options.steps):
        start = step * per_step % (len(tokens) - per_step - 1)
        window = tokens[start:start + per_step + 1]
        x = window[:-1].view(options.batch, options.length)
        y = window[1:].view(options.batch, options.length)
        before = time.perf_counter()
        optimizer.zero_grad()
        loss = step_model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step >= options.warm_up:
            seconds.append(time.perf_counter() - before)
    print(json.dumps({
        "form": options.form, "compiled": options.compile, "torch": torch.__version__,
        "threads": options.threads, "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_step": per_step, "steps": len(seconds),
        "best_tokens_per_second": per_step / min(seconds),
        "median_tokens_per_second": per_step / statistics.median(seconds),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "losses": losses,
    }))


if __name__ == "__main__":
    main()
