"""Times attention of castle and of PyTorch in turn and writes a table and a picture.

    python compare_attention.py --castle ../../.build/release/castle --output results

Every round runs `castle benchmark attention` in a process of its own and PyTorch in this one; the best time of each over all
rounds counts. Both use the same number of threads, float32, 8 heads of 64, one sequence. Writes OUTPUT.md and OUTPUT.svg.
"""

import argparse
import json
import math
import pathlib
import subprocess
import time

import torch
from torch.nn.functional import scaled_dot_product_attention

from castle_torch import RowBlockAttention, dense_attention

HEADS, SIZE = 8, 64
NO_WINDOW = 1 << 40
# The dense form needs L x L matrices by the dozen and O(L³) time.
DENSE_LIMIT = 2048
REPETITIONS = 2  # in each round, on both sides
PASSES = ["forward", "forward+backward"]
COLORS = {
    "causal": "#1f77b4", "castle": "#d62728", "castle-swl": "#2ca02c", "PyTorch causal (fused)": "#9ecae1",
    "PyTorch castle, row-block": "#ff9896", "PyTorch castle, dense": "#8c564b",
}


def torch_subjects(length):
    subjects = {
        "PyTorch causal (fused)": lambda qu, ku, vu, qc, kc, vc: scaled_dot_product_attention(
            qc, kc, vc, is_causal=True),
        "PyTorch castle, row-block": lambda *x: RowBlockAttention.apply(*x, NO_WINDOW, 128),
    }
    if length <= DENSE_LIMIT:
        subjects["PyTorch castle, dense"] = lambda *x: dense_attention(*x, NO_WINDOW)
    return subjects


def best_of(repetitions, call):
    """The seconds of the shortest of some calls, after one that is not timed."""
    call()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def time_torch(length):
    inputs = [torch.randn(1, HEADS, length, SIZE, requires_grad=True) for _ in range(6)]
    upstream = torch.randn(1, HEADS, length, SIZE)
    times = {}
    for name, attention in torch_subjects(length).items():
        used = inputs[3:] if name.startswith("PyTorch causal") else inputs
        with torch.no_grad():
            times[name, "forward"] = best_of(REPETITIONS, lambda: attention(*inputs))
        times[name, "forward+backward"] = best_of(
            REPETITIONS, lambda: torch.autograd.grad(attention(*inputs), used, upstream))
    return times


def time_castle(binary, length, threads):
    command = [binary, "benchmark", "attention", "--json", "--lengths", str(length), "--heads", str(HEADS)]
    command += ["--head-size", str(SIZE), "--passes", ",".join(PASSES), "--repetitions", str(REPETITIONS)]
    command += ["--threads", str(threads)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    times = {(row["mechanism"], row["pass"]): row["seconds"] for row in report["rows"]}
    return times, report


def table(lengths, best, rate, backend, threads):
    lines = [
        f"Machine: {backend}; {threads} threads; PyTorch {torch.__version__}; matrix product {rate / 1e9:.0f} GFLOP/s "
        "(best of this run). 8 heads of 64, one sequence, float32; best of all rounds, in milliseconds.", "",
        "| pass | who | " + " | ".join(f"L = {n}" for n in lengths) + " |", "|---|---|" + "---:|" * len(lengths),
    ]
    for work in PASSES:
        for name in COLORS:
            cells = [best[n].get((name, work)) for n in lengths]
            if any(cells):
                shown = " | ".join("-" if t is None else f"{t * 1e3:.1f}" for t in cells)
                lines.append(f"| {work} | {name} | {shown} |")
    return "\n".join(lines) + "\n"


def picture(lengths, best):
    width, height, left, bottom = 760, 460, 70, 50
    times = [t for n in lengths for (_, work), t in best[n].items() if work == "forward+backward"]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))

    def x(length):
        span = math.log2(lengths[-1] / lengths[0]) or 1
        return left + (width - left - 220) * math.log2(length / lengths[0]) / span

    def y(seconds):
        return 20 + (height - bottom - 20) * (high - math.log10(seconds)) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        'font-size="13"><rect width="100%" height="100%" fill="white"/>'
    ]
    for power in range(low, high + 1):
        parts.append(
            f'<path d="M{left} {y(10 ** power):.1f}H{width - 220}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power * 1e3:g} ms</text>')
    for n in lengths:
        parts.append(f'<text x="{x(n):.1f}" y="{height - bottom + 20}" text-anchor="middle">{n}</text>')
    parts.append(
        f'<text x="{(left + width - 220) / 2}" y="{height - 8}" text-anchor="middle">'
        'tokens (forward + backward, 8 heads of 64)</text>')
    for row, (name, color) in enumerate(COLORS.items()):
        points = [(x(n), y(best[n][name, PASSES[1]])) for n in lengths if (name, PASSES[1]) in best[n]]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"/>' for a, b in points]
        parts.append(
            f'<rect x="{width - 205}" y="{30 + 24 * row}" width="14" height="4" fill="{color}"/>'
            f'<text x="{width - 185}" y="{36 + 24 * row}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--castle", required=True)
    parser.add_argument("--output", default="attention")
    parser.add_argument("--lengths", default="512,1024,2048,4096,8192")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    lengths = [int(n) for n in options.lengths.split(",")]
    best = {n: {} for n in lengths}
    rate, backend = 0, ""
    for turn in range(options.rounds):
        for n in lengths:
            times, report = time_castle(options.castle, n, options.threads)
            rate, backend = max(rate, report["product_rate"]), report["backend"]
            for key, seconds in (times | time_torch(n)).items():
                best[n][key] = min(seconds, best[n].get(key, math.inf))
            print(f"round {turn + 1} of {options.rounds}: {n} tokens done", flush=True)
    output = pathlib.Path(options.output)
    output.with_suffix(".md").write_text(table(lengths, best, rate, backend, options.threads))
    output.with_suffix(".svg").write_text(picture(lengths, best))
    print(output.with_suffix(".md").read_text())


main()
