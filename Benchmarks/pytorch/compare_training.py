"""Training speed of castle beside PyTorch: the same models, text, batch and threads, interleaved in one run.

    python compare_training.py --castle .build/release/castle --shards data/books --compile

Each round runs every contender once; the best step of all rounds counts. Prints a table, and with --output a JSON file.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run_castle(options, preset, folder):
    """Trains a few steps with castle and returns its speed and the model's configuration."""
    steps = options.warm_up + options.steps
    settings = {
        "output": folder, "data.shards": options.shards, "model.preset": preset,
        "data.separates-documents": "false", "training.steps": steps, "training.batch-size": options.batch,
        "training.length": options.length, "schedule.warm-up": 1, "evaluation.every": 0,
        "evaluation.tokens": 2, "checkpoints.every": 0,
    }
    command = [options.castle, "train", "--threads", str(options.threads)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in (pathlib.Path(folder) / "timing.jsonl").read_text().splitlines()]
    losses = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return {
        "best_tokens_per_second": max(row["tokens_per_second"] for row in rows[options.warm_up:]),
        "peak_memory_bytes": rows[-1]["memory_bytes"],
        "losses": [row["loss"] for row in losses if "loss" in row],
    }


def run_torch(options, form, compiled, config):
    """Trains a few steps with PyTorch."""
    command = [
        sys.executable, str(HERE / "train_speed.py"), "--config", config, "--form", form,
        "--shard", options.shard, "--threads", str(options.threads), "--batch", str(options.batch),
        "--length", str(options.length), "--warm-up", str(options.warm_up), "--steps", str(options.steps),
    ] + (["--compile"] if compiled else [])
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--castle", required=True, help="the castle program")
    parser.add_argument("--shards", required=True, help="folder made by castle prepare")
    parser.add_argument("--scale", default="10m", help="size of the presets")
    parser.add_argument("--mechanisms", default="causal,castle", help="of causal, castle, castle-swl")
    parser.add_argument("--compile", action="store_true", help="also run torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", help="JSON file to write")
    options = parser.parse_args()
    options.shard = str(sorted(pathlib.Path(options.shards).glob("*train*.bin"))[0])

    best = {}
    with tempfile.TemporaryDirectory() as scratch:
        for round_number in range(options.rounds):
            for mechanism in options.mechanisms.split(","):
                preset = f"{options.scale}-{mechanism}"
                folder = f"{scratch}/{preset}-{round_number}"
                results = {(preset, "castle"): run_castle(options, preset, folder)}
                config = f"{folder}/model/config.json"
                for form in ["causal"] if mechanism == "causal" else ["dense", "row-block"]:
                    for compiled in [False, True] if options.compile else [False]:
                        name = f"PyTorch {form}" + (" compiled" if compiled else "")
                        results[(preset, name)] = run_torch(options, form, compiled, config)
                for key, result in results.items():
                    speed = result["best_tokens_per_second"]
                    print(f"round {round_number + 1}  {key[0]:16} {key[1]:26} {speed:9.0f} tokens/s", file=sys.stderr)
                    if key not in best or speed > best[key]["best_tokens_per_second"]:
                        best[key] = result

    print(f"{'model':16} {'program':26} {'tokens/s':>9} {'against castle':>14} {'memory':>9}")
    rows = []
    for (preset, name), result in best.items():
        speed = result["best_tokens_per_second"]
        ratio = speed / best[(preset, "castle")]["best_tokens_per_second"]
        memory = result["peak_memory_bytes"]
        print(f"{preset:16} {name:26} {speed:9.0f} {ratio:13.2f}x {memory / 1e6:6.0f} MB")
        rows.append({
            "model": preset, "program": name, "tokens_per_second": speed, "against_castle": ratio,
            "peak_memory_bytes": memory,
        })
    if options.output:
        settings = {key: getattr(options, key) for key in ("threads", "batch", "length", "steps", "rounds")}
        pathlib.Path(options.output).write_text(json.dumps({"settings": settings, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
