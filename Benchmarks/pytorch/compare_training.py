"""Training speed of castle beside PyTorch, eager and compiled: the same models, batch and threads, in turns.

    python compare_training.py --castle ../../.build/release/castle
    python compare_training.py --castle ../../.build/release/castle --configurations B --rounds 1 --steps 2

Each round runs every contender once; the best step of all rounds counts. Prints a table, and with --output a JSON file.
A dense program of CASTLE takes O(L^3) time; it is left out above 1024 tokens unless --dense asks for it.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

CONFIGURATIONS = {
    "10m": dict(layers=6, size=336, hidden=896, vocabulary=4096, tied=True, causal=7, castle=4, length=512, batch=8),
    "A": dict(layers=6, size=448, hidden=1194, vocabulary=8192, tied=False, causal=7, castle=4, length=512, batch=8),
    "B": dict(layers=12, size=896, hidden=2389, vocabulary=50304, tied=False, causal=14, castle=8, length=1024, batch=1),
}
HEAD_SIZE = 64
WINDOW = 128


def run(command, limit=None):
    """The JSON object that a command prints; None if it takes more than `limit` seconds."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if result.returncode != 0:
        raise SystemExit(f"error: {' '.join(map(str, command))}\n{result.stderr.strip()}")
    return json.loads(result.stdout)


def run_castle(options, shape, mechanism):
    settings = {
        "layers": shape["layers"], "size": shape["size"], "hidden": shape["hidden"], "head-size": HEAD_SIZE,
        "vocabulary-size": shape["vocabulary"], "tied-embeddings": str(shape["tied"]).lower(),
        "heads": shape["causal" if mechanism == "causal" else "castle"],
    }
    if mechanism == "castle-swl":
        settings["window"] = WINDOW
    command = [
        options.castle, "benchmark", "training", "--json", "--threads", str(options.threads),
        "--model", f"10m-{mechanism}", "--batch-size", str(shape["batch"]), "--length", str(shape["length"]),
        "--repetitions", str(options.steps),
    ]
    for key, value in settings.items():
        command += ["--set", f"model.{key}={value}"]
    report = run(command)
    return {
        "parameters": report["parameters"], "seconds": report["best_step_seconds"],
        "median_seconds": report["step_seconds"], "peak_memory_bytes": report["memory"]["peak"],
        "bound_seconds": report["step_bound_seconds"],
    }


def run_torch(options, shape, mechanism, form, compiled, folder):
    """Trains a few steps with PyTorch; None if that takes too long."""
    config = {
        "vocab_size": shape["vocabulary"], "hidden_size": shape["size"], "intermediate_size": shape["hidden"],
        "num_hidden_layers": shape["layers"], "head_dim": HEAD_SIZE, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "num_attention_heads": shape["causal" if mechanism == "causal" else "castle"],
        "tie_word_embeddings": shape["tied"], "max_position_embeddings": shape["length"],
        "lookahead_window": WINDOW if mechanism == "castle-swl" else None,
    }
    path = pathlib.Path(folder) / "config.json"
    path.write_text(json.dumps(config))
    command = [
        sys.executable, HERE / "train_speed.py", "--config", path, "--form", form, "--threads", str(options.threads),
        "--batch", str(shape["batch"]), "--length", str(shape["length"]), "--steps", str(options.steps),
    ] + (["--compile"] if compiled else [])
    report = run(command, options.limit)
    return report and {
        "parameters": report["parameters"], "seconds": report["tokens_per_step"] / report["best_tokens_per_second"],
        "median_seconds": report["tokens_per_step"] / report["median_tokens_per_second"],
        "peak_memory_bytes": report["peak_memory_bytes"],
    }


def compile_problem():
    """Why torch.compile does not work here; None if it does."""
    program = "import torch; torch.compile(lambda x: x.sin() + x.cos())(torch.ones(64))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if result.returncode == 0:
        return None
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if "Error" in line.split(":")[0] or "Exception" in line.split(":")[0]]
    return (reasons or lines or ["it ended without a word"])[-1]


def contenders(options, shape, mechanism, compiles):
    """Name, form and whether it is compiled, of every PyTorch program."""
    forms = ["causal"] if mechanism == "causal" else ["row-block"]
    if mechanism != "causal" and (options.dense or shape["length"] <= 1024):
        forms.append("dense")
    for form in forms:
        for compiled in [False, True] if compiles else [False]:
            yield f"PyTorch {form}, {'compiled' if compiled else 'eager'}", form, compiled


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--castle", required=True, help="the castle program")
    parser.add_argument("--configurations", default="A,B", help=f"of {', '.join(CONFIGURATIONS)} (default A,B)")
    parser.add_argument("--mechanisms", default="causal,castle", help="of causal, castle, castle-swl")
    parser.add_argument("--eager-only", action="store_true", help="leave torch.compile out")
    parser.add_argument("--dense", action="store_true", help="also the dense form above 1024 tokens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5, help="timed steps of a contender in a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds for a PyTorch program in a round, compiling included")
    parser.add_argument("--output", help="JSON file to write")
    options = parser.parse_args()
    for name in options.configurations.split(","):
        if name not in CONFIGURATIONS:
            parser.error(f"no configuration is called {name}; there are {', '.join(CONFIGURATIONS)}")
    for name in options.mechanisms.split(","):
        if name not in ("causal", "castle", "castle-swl"):
            parser.error(f"{name} is none of causal, castle, castle-swl")

    problem = "left out by --eager-only" if options.eager_only else compile_problem()
    if problem:
        print(f"torch.compile is not compared: {problem}", file=sys.stderr)
        if not options.eager_only:
            print("(on a CPU it needs a C++ compiler, such as the package g++)", file=sys.stderr)

    best = {}
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(options.rounds):
            for configuration in options.configurations.split(","):
                shape = CONFIGURATIONS[configuration]
                for mechanism in options.mechanisms.split(","):
                    result = run_castle(options, shape, mechanism)
                    report(round_number, configuration, mechanism, "castle", result, best)
                    for name, form, compiled in contenders(options, shape, mechanism, problem is None):
                        result = run_torch(options, shape, mechanism, form, compiled, folder)
                        report(round_number, configuration, mechanism, name, result, best)
    print_table(options, problem, best)


def report(round_number, configuration, mechanism, name, result, best):
    start = f"round {round_number + 1}  {configuration:4} {mechanism:10} {name:28}"
    if result is None:
        print(f"{start} left out: it took longer than --limit", file=sys.stderr)
        return
    print(
        f"{start} best {result['seconds'] * 1e3:9.1f} ms  "
        f"median {result['median_seconds'] * 1e3:9.1f} ms", file=sys.stderr)
    key = (configuration, mechanism, name)
    others = [row["parameters"] for (c, m, _), row in best.items() if (c, m) == (configuration, mechanism)]
    if any(count != result["parameters"] for count in others):
        raise SystemExit(f"error: {name} has {result['parameters']} parameters, another program {others[0]}")
    if key not in best or result["seconds"] < best[key]["seconds"]:
        best[key] = result


def print_table(options, problem, best):
    print("| configuration | attention | program | best step, ms | tokens/s | castle is faster by | memory |")
    print("|---|---|---|---:|---:|---:|---:|")
    rows = []
    for (configuration, mechanism, name), result in best.items():
        shape = CONFIGURATIONS[configuration]
        ratio = result["seconds"] / best[(configuration, mechanism, "castle")]["seconds"]
        row = {
            "configuration": configuration, "mechanism": mechanism, "program": name,
            "tokens_per_second": shape["batch"] * shape["length"] / result["seconds"], "over_castle": ratio, **result,
        }
        rows.append(row)
        print(
            f"| {configuration} | {mechanism} | {name} | {result['seconds'] * 1e3:.0f} | "
            f"{row['tokens_per_second']:.0f} | {'-' if name == 'castle' else f'{ratio:.2f}x'} | "
            f"{result['peak_memory_bytes'] / 1e6:.0f} MB |")
    print()
    for configuration, mechanism in dict.fromkeys((c, m) for c, m, _ in best):
        against = {n: r for (c, m, n), r in best.items() if (c, m) == (configuration, mechanism) and n != "castle"}
        if not against:
            continue
        fastest = min(against, key=lambda name: against[name]["seconds"])
        ratio = against[fastest]["seconds"] / best[(configuration, mechanism, "castle")]["seconds"]
        print(f"{configuration} {mechanism}: castle is {ratio:.2f} times as fast as the fastest PyTorch program ({fastest})")
    if options.output:
        settings = {key: getattr(options, key) for key in ("threads", "steps", "rounds")}
        text = json.dumps({"settings": settings, "torch_compile": problem or "compared", "results": rows}, indent=2)
        pathlib.Path(options.output).write_text(text + "\n")


if __name__ == "__main__":
    main()
