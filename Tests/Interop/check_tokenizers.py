"""Tokenizers of Python's tokenizers and ours give the same ids on either side, and the same training."""

import json
import os
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from support import castle, require, temporary_folder

os.environ["TOKENIZERS_PARALLELISM"] = "false"
SPECIAL = "<|endoftext|>"


def random_text(generator, length):
    """Text of all of Unicode, with much white space and many apostrophes."""
    pools = [
        "abcdefghijklmnopqrstuvwxyz", "etaoin shrdlu  ", " \t\n\r\u00a0\u2028\u3000\u0085", "'stredmvl' ",
        "0123456789\u0661\u00bd\u2167\u4e8c", "!?.,;:-_\"()[]{}\u201c\u2026",
        "\u00e9e\u0301\u00df\u0439\u03b1\u05d0\u0627\u0915\u093f\u0e01\u4f60\u597d\u30ab\uac00\u1100\u1161",
        "\U0001f600\u200d\ufe0f\U0001f1e9\U0001f3fd\0",
    ]
    characters = []
    while len(characters) < length:
        if generator.random() < 0.1:
            value = generator.randrange(0x110000)
            characters.append("\ufffd" if 0xD800 <= value < 0xE000 else chr(value))
        else:
            characters.extend(generator.choices(generator.choice(pools), k=generator.randrange(1, 8)))
    return "".join(characters)


def words(generator, count):
    """Text with few different words, so that there is something to merge."""
    known = ["".join(generator.choices("etaoinshrdlu\u00e9\u4f60", k=generator.randrange(1, 9))) for _ in range(300)]
    return " ".join(generator.choices(known, k=count)) + "\n\n"


def train(texts, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[SPECIAL], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def compare(name, tokenizer_file, tokenizer, folder, data):
    (folder / "text").write_bytes(data)
    ours = json.loads(castle(
        "tokenize", "--tokenizer", tokenizer_file, "--file", folder / "text", "--json", "--add-special-tokens"))
    theirs = tokenizer.encode(data.decode("utf8", errors="replace")).ids
    require(ours["ids"] == theirs, f"{name}: other ids for {data!r}")


def main():
    generator = random.Random(11)
    with temporary_folder() as folder:
        texts = [words(generator, 4000) + random_text(generator, 500) for _ in range(5)]
        (folder / "corpus").mkdir()
        for index, text in enumerate(texts):
            (folder / "corpus" / f"{index}.txt").write_bytes(text.encode())
        theirs = train(texts, 800)
        castle("tokenizer", "train", "--vocab-size", 800, "--output", folder / "ours.json", folder / "corpus")
        ours = Tokenizer.from_file(str(folder / "ours.json"))
        require(ours.get_vocab() == theirs.get_vocab(), "training gives another vocabulary")
        print(f"training: the same {ours.get_vocab_size()} tokens")

        theirs.add_special_tokens([AddedToken("<|user|>", normalized=False)])
        theirs.add_tokens(["two words", "two"])
        theirs.save(str(folder / "theirs.json"))
        count = 0
        for name, file, tokenizer in [("ours", "ours.json", ours), ("theirs", "theirs.json", theirs)]:
            for round in range(60):
                text = random_text(generator, generator.randrange(1, 400))
                if round % 3 == 0:
                    text += f" two words{SPECIAL}<|user|> two  {SPECIAL}"
                data = bytearray(text.encode())
                if round % 2:
                    for _ in range(5):
                        data[generator.randrange(len(data))] = generator.randrange(256)
                compare(name, folder / file, tokenizer, folder, bytes(data))
                count += 1
        print(f"encoding: the same ids for {count} texts")


main()
