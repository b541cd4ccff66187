"""Text from Parquet files, piped into castle prepare, is the text that pyarrow reads."""

import json
import random
import re
import subprocess
import sys

import pyarrow
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from support import CASTLE, castle, require, temporary_folder

END = "<|endoftext|>"


def example():
    """The Python program of the last example in castle prepare --help."""
    help_text = castle("prepare", "--help")
    match = re.search(r"python3 -c '\n(.*?)\n  ' ", help_text, re.DOTALL)
    require(match, "castle prepare --help shows no pipe from Python")
    return "\n".join(line[2:] for line in match.group(1).split("\n"))


def main():
    generator = random.Random(5)
    words = ["tree", "Bäume", "森", "\U0001f600", "line\nbreak", "\"quoted\"", "\\", "end"]
    documents = [" ".join(generator.choices(words, k=generator.randrange(1, 200))) for _ in range(500)]
    with temporary_folder() as folder:
        for index in range(2):
            part = documents[250 * index:250 * (index + 1)]
            table = pyarrow.table({"id": list(range(250)), "text": part})
            parquet.write_table(table, folder / f"{index}.parquet", compression="zstd", row_group_size=100)
        (folder / "plain.txt").write_text("\n".join(documents))
        castle("tokenizer", "train", "--vocab-size", 400, "--output", folder / "tokenizer.json", folder / "plain.txt")

        refused = subprocess.run(
            [CASTLE, "prepare", "--tokenizer", folder / "tokenizer.json", "--output", folder / "none",
             folder / "0.parquet"], capture_output=True, text=True)
        require(refused.returncode == 1 and "a Parquet table" in refused.stderr, f"Parquet: {refused.stderr}")

        program = subprocess.Popen(
            [sys.executable, "-c", example(), folder / "0.parquet", folder / "1.parquet"], stdout=subprocess.PIPE)
        castle(
            "prepare", "--tokenizer", folder / "tokenizer.json", "--output", folder / "out", "--format", "jsonl",
            "--validation-documents", 0, "-", stdin=program.stdout)
        require(program.wait() == 0, "the program of the example failed")

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        expected = []
        for document in documents:
            expected += tokenizer.encode(document, add_special_tokens=False).ids + [tokenizer.token_to_id(END)]
        shard = (folder / "out" / "train_000000.bin").read_bytes()[1024:]
        tokens = [int.from_bytes(shard[i:i + 2], "little") for i in range(0, len(shard), 2)]
        require(tokens == expected, "the shards have other tokens than Python")
        manifest = json.loads((folder / "out" / "manifest.json").read_text())
        require(manifest["train"]["documents"] == len(documents), "documents were lost")
        print(f"Parquet through a pipe: the same {len(tokens)} tokens of {len(documents)} documents")


main()
