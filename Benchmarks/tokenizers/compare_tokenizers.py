"""Speed of castle prepare beside Python's tokenizers and tiktoken, one thread each, in turns.

    python compare_tokenizers.py --castle ../../.build/release/castle --text FILE-or-FOLDER

For every kind of byte-pair tokenizer a vocabulary is learned from the text; then each side encodes all of it, document by
document. castle prepare also reads the files, writes and hashes the shards, and its time is that of the whole command; the
others have the text in memory. tiktoken gets the kinds whose pattern it can have. Ids are compared first.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "Tests" / "Interop"))
import tokenizer_kinds  # noqa: E402

PATTERNS = {"cl100k": tokenizer_kinds.CL100K, "o200k": tokenizer_kinds.O200K, "qwen": tokenizer_kinds.QWEN}


def byte_of_character():
    """The bytes that the characters of a byte-level vocabulary stand for."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [value for value in range(256) if value not in plain]
    return {chr(value): value for value in plain} | {chr(256 + place): value for place, value in enumerate(rest)}


def tiktoken_of(name, tokenizer):
    """The same tokenizer for tiktoken; nil where it cannot have the pattern or is not installed."""
    try:
        import tiktoken
    except ImportError:
        return None
    if name not in PATTERNS:
        return None
    bytes_of = byte_of_character()
    added = {tokenizer_kinds.END}
    ranks = {bytes(bytes_of[character] for character in token): id
             for token, id in tokenizer.get_vocab().items() if token not in added}
    special = {token: id for token, id in tokenizer.get_vocab().items() if token in added}
    return tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens=special)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--castle", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--megabytes", type=float, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", default="gpt2,cl100k,o200k,qwen,tekken,deepseek,digits,llama2,gemma")
    arguments = parser.parse_args()
    path = pathlib.Path(arguments.text)
    files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    documents, size = [], 0
    for file in files:
        document = file.read_text(encoding="utf8", errors="replace").removeprefix("\ufeff")
        documents.append(document)
        size += len(document.encode())
        if size > arguments.megabytes * 1e6:
            break
    print(f"{len(documents)} documents, {size / 1e6:.1f} MB; one thread each; medians of {arguments.rounds} rounds, MB/s")
    print("| kind | castle | tokenizers | tiktoken |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        texts = folder / "texts"
        texts.mkdir()
        for place, document in enumerate(documents):
            (texts / f"{place:06}.txt").write_bytes(document.encode())
        sample = [document[start:start + 1000] for document in documents for start in range(0, 50_000, 1000)]
        for name in arguments.kinds.split(","):
            tokenizer = tokenizer_kinds.train(name, sample, 8000)
            tokenizer.save(str(folder / "tokenizer.json"))
            tiktoken = tiktoken_of(name, tokenizer)

            def castle():
                subprocess.run(
                    [arguments.castle, "prepare", "--tokenizer", folder / "tokenizer.json", "--output", folder / "out",
                     "--overwrite", "--validation-fraction", "0", "--threads", "1", "--json", texts],
                    check=True, capture_output=True)

            sides = {"castle": castle, "tokenizers": lambda: [tokenizer.encode(text).ids for text in documents]}
            if tiktoken:
                sides["tiktoken"] = lambda: [tiktoken.encode_ordinary(text) for text in documents]
                ours = tokenizer.encode(documents[0], add_special_tokens=False).ids
                if tiktoken.encode_ordinary(documents[0]) != ours:
                    sys.exit(f"{name}: tiktoken has other ids")
            castle()
            tokens = json.loads((folder / "out" / "manifest.json").read_text())["train"]["tokens"]
            expected = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) + 1 for text in documents)
            if tokens != expected:
                sys.exit(f"{name}: castle has {tokens} tokens, tokenizers {expected}")
            times = {side: [] for side in sides}
            for _ in range(arguments.rounds):
                for side, work in sides.items():
                    times[side].append(seconds(work))
            rates = [f"{size / 1e6 / statistics.median(times[side]):.1f}" if side in times else "–"
                     for side in ["castle", "tokenizers", "tiktoken"]]
            print(f"| {name} | {' | '.join(rates)} |", flush=True)


main()
