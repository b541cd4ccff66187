"""Tokenizers of Python's tokenizers and ours give the same ids on either side, and the same training.

Every kind of byte-pair tokenizer is compared on texts in twenty scripts, on code, on every Unicode scalar alone and in
context, and on bytes that are not UTF-8. CASTLE_TEXT_SIZE is the size of each text in bytes, 20 000 if it is not set;
CASTLE_KINDS names kinds, separated by commas, all if it is not set.
"""

import json
import os
import random

from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers, models

from support import castle, require, temporary_folder
import tokenizer_kinds

os.environ["TOKENIZERS_PARALLELISM"] = "false"
SIZE = int(os.environ.get("CASTLE_TEXT_SIZE", 20_000))
NAMES = os.environ["CASTLE_KINDS"].split(",") if "CASTLE_KINDS" in os.environ else list(tokenizer_kinds.KINDS)


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


def every_scalar():
    """Every scalar that is not a surrogate, with letters, digits, spaces and itself beside it."""
    for value in range(0x110000):
        if not 0xD800 <= value < 0xE000 and not (0x34000 <= value < 0xE0000 or value >= 0xF0100):
            scalar = chr(value)
            yield f"{scalar}\na{scalar}B 1{scalar}{scalar}'{scalar} !{scalar}\u0301\n"


def compare(name, tokenizer_file, tokenizer, folder, data):
    """The number of tokens of a text, if it has the same on both sides."""
    (folder / "text").write_bytes(data)
    ours = json.loads(castle("tokenize", "--tokenizer", tokenizer_file, "--file", folder / "text", "--json", "--add-special-tokens"))["ids"]
    theirs = tokenizer.encode(data.decode("utf8", errors="replace")).ids
    if ours != theirs:
        place = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
        near = [[tokenizer.id_to_token(id) for id in ids[max(0, place - 4):place + 4]] for ids in (ours, theirs)]
        require(False, f"{name}: other ids, {len(ours)} and {len(theirs)}, at {place}: {near[0]} instead of {near[1]}")
    return len(theirs)


def check_kind(name, texts, folder):
    generator = random.Random(11)
    training = [text[start:start + 1000] for text in texts.values() for start in range(0, min(len(text), 20_000), 1000)]
    tokenizer = tokenizer_kinds.train(name, training, 3000)
    # Some added tokens, of which none has the bytes of another.
    tokenizer.add_special_tokens([AddedToken("<|im_start|>", normalized=False), AddedToken("<mask>", lstrip=True)])
    tokenizer.add_tokens([AddedToken("two words", normalized=True), AddedToken("two", single_word=True)])
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    count = sum(compare(f"{name}, {text}", path, tokenizer, folder, data.encode()) for text, data in texts.items())
    count += compare(f"{name}, every scalar", path, tokenizer, folder, "".join(every_scalar()).encode())
    pieces = []
    for _ in range(60):
        data = bytearray((random_text(generator, 300) + f" two words<|im_start|>  <mask> two  {tokenizer_kinds.END}").encode())
        for _ in range(generator.randrange(6)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        pieces.append(bytes(data))
    count += sum(compare(f"{name}, hostile bytes", path, tokenizer, folder, data) for data in pieces)
    # What is decoded in Python is decoded here, but for special tokens, which both leave out.
    ids = tokenizer.encode(texts["german"], add_special_tokens=False).ids
    (folder / "ids").write_text(" ".join(map(str, ids)))
    ours = castle("detokenize", "--tokenizer", path, "--file", folder / "ids", "--skip-special-tokens")
    require(ours == tokenizer.decode(ids), f"{name}: decoding gives another text")
    print(f"{name}: the same ids for {count} tokens")


def check_training(folder):
    generator = random.Random(3)
    texts = {name: tokenizer_kinds.language(name, 20_000, generator) for name in ["english", "russian", "chinese"]}
    texts["code"] = tokenizer_kinds.code(20_000, generator)
    (folder / "corpus").mkdir()
    for name, text in texts.items():
        (folder / "corpus" / f"{name}.txt").write_bytes(text.encode())
    for kind in ["gpt2", "cl100k", "o200k", "qwen", "tekken", "digits"]:
        theirs = Tokenizer(models.BPE())
        theirs.pre_tokenizer = tokenizer_kinds.KINDS[kind].pre_tokenizer
        theirs.train_from_iterator(texts.values(), trainers.BpeTrainer(
            vocab_size=1200, min_frequency=2, special_tokens=[tokenizer_kinds.END], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        castle("tokenizer", "train", "--vocab-size", 1200, "--pre-tokenizer", kind, "--output", folder / "ours.json",
               folder / "corpus")
        ours = Tokenizer.from_file(str(folder / "ours.json"))
        require(ours.get_vocab() == theirs.get_vocab(), f"training with {kind} gives another vocabulary")
        for text in texts.values():
            pair = [tokenizer.encode(text, add_special_tokens=False).ids for tokenizer in (ours, theirs)]
            require(pair[0] == pair[1], f"training with {kind}: other ids")
        print(f"training with {kind}: the same {ours.get_vocab_size()} tokens")


def main():
    with temporary_folder() as folder:
        check_training(folder)
        texts = tokenizer_kinds.texts(SIZE)
        for name in NAMES:
            check_kind(name, texts, folder)


main()
