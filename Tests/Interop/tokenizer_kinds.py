"""Small tokenizers of every kind that byte-pair `tokenizer.json` files have, and text in many scripts to train and
compare them with."""

import json
import random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

END = "<|endoftext|>"


def ranges(*bounds):
    return [chr(value) for low, high in bounds for value in range(low, high + 1)]


LATIN = ranges((0x61, 0x7A))
SCRIPTS = {
    "english": LATIN + list("eeeetttaaooinn"), "german": LATIN + list("äöüß"), "french": LATIN + list("éèêàùçœîô"),
    "vietnamese": LATIN + list("ạảãâầấậăằắêềếệôồốộơờớợưừứự") + ["e\u0323\u0302", "o\u031b\u0301"],
    "turkish": LATIN + list("ğışçöüİ"), "polish": LATIN + list("ąćęłńóśźż"),
    "russian": ranges((0x430, 0x44F)) + ["ё"], "greek": ranges((0x3B1, 0x3C9)) + list("άέήίόύώ\u2126\u03a9"),
    "hebrew": ranges((0x5D0, 0x5EA)) + ["\u05b8", "\u05b0"],
    "arabic": ranges((0x627, 0x64A)) + ["\u064e", "\u0651", "\u0652"],
    "hindi": ranges((0x905, 0x939), (0x93E, 0x94D)), "bengali": ranges((0x985, 0x98C), (0x995, 0x9A8), (0x9BE, 0x9CD)),
    "tamil": ranges((0xB85, 0xB8A), (0xB95, 0xB9A), (0xBAE, 0xBB9), (0xBBE, 0xBCD)),
    "thai": ranges((0xE01, 0xE3A), (0xE40, 0xE4E)), "chinese": ranges((0x4E00, 0x5200)),
    "japanese": ranges((0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x4F00)) + ["か\u3099"],
    "korean": ranges((0xAC00, 0xB000)) + ["\u1100\u1161\u11a8"], "georgian": ranges((0x10D0, 0x10FA)),
    "armenian": ranges((0x561, 0x586)), "amharic": ranges((0x1200, 0x1357)), "burmese": ranges((0x1000, 0x103E)),
    "khmer": ranges((0x1780, 0x17B3), (0x17B6, 0x17D3)),
}
WITHOUT_SPACES = {"thai", "chinese", "japanese", "khmer", "burmese"}
BETWEEN = [", ", ". ", "! ", "? ", "; ", ": ", "\n", "\n\n", " — ", " (", ") ", "\u2019s ", "'s ", "'LL ", " 12 ",
           " 2024, ", " 3.14 ", "\r\n\t", "   ", "\u3000", " ²½ "]


def language(name, size, generator):
    """About `size` bytes of words of one script, the frequent ones more often than the others."""
    letters = SCRIPTS[name]
    known = ["".join(generator.choices(letters, k=generator.choice([1, 2, 2, 3, 3, 4, 5, 6, 8])))
             for _ in range(min(6000, size // 20 + 20))]
    weights = [1 / (place + 3) for place in range(len(known))]
    parts, count = [], 0
    while count < size:
        for word in generator.choices(known, weights, k=100):
            word = word.capitalize() if generator.random() < 0.1 else word
            word = word.upper() if generator.random() < 0.02 else word
            between = "" if name in WITHOUT_SPACES else " "
            if generator.random() < 0.15:
                between = generator.choice(BETWEEN + list("。、，！"))
            parts.append(word + between)
            count += len(parts[-1].encode())
    return "".join(parts)


def code(size, generator):
    """About `size` bytes that look like programs and markup."""
    names = ["".join(generator.choices("abcdefgXYZ_", k=generator.randrange(1, 9))) for _ in range(200)]
    lines = []
    while sum(map(len, lines)) < size:
        for _ in range(200):
            name, other = generator.choices(names, k=2)
            lines.append(" " * 4 * generator.randrange(4) + generator.choice([
                f"def {name}(self, {other}=None):", f"if ({name} != {other}) {{ return {generator.randrange(10**7)}; }}",
                f"<div class=\"{name}\">{other} &amp; &lt;</div>", f"{name}.{other}[{generator.randrange(99)}] += 0x1F // x",
                f"# {name}'s {other}", "\t}\r", "", f"{name}HTTPServer2{other}<|im_start|>user"]) + "\n")
    return "".join(lines)


CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
CL100K = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")


def o200k(contractions, digits, without=""):
    upper = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}" + without + "]"
    lower = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}" + without + "]"
    before = r"[^\r\n\p{L}\p{N}]?"
    return (f"{before}{upper}*{lower}+{contractions}|{before}{upper}+{lower}*{contractions}|{digits}"
            r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


O200K = o200k(CONTRACTIONS + "?", r"\p{N}{1,3}")
TEKKEN = o200k("", r"\p{N}")
KIMI = r"[\p{Han}]+|" + o200k(CONTRACTIONS + "?", r"\p{N}{1,3}", r"&&[^\p{Han}]").replace("/]*", "]*")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
DEEPSEEK_CODER = ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"]
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def byte_level(prefix=False, pattern=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=pattern)


def isolated(*patterns):
    parts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence(parts + [byte_level()])


def sequence(*parts):
    return pre_tokenizers.Sequence(list(parts))


class Kind:
    """The parts of a tokenizer. `bytes` is "level", "fallback" or None, for a token for unknown characters."""

    def __init__(self, pre_tokenizer=None, normalizer=None, bytes="level", decoder=None, trained_with=None, **model):
        self.pre_tokenizer, self.normalizer, self.bytes, self.model = pre_tokenizer, normalizer, bytes, model
        self.decoder = decoder or (decoders.ByteLevel() if bytes == "level" else decoders.Sequence([
            decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))
        # Without cuts there would be no end of merging.
        self.trained_with = trained_with or pre_tokenizer


def metaspace(scheme, split=True):
    return pre_tokenizers.Metaspace("▁", scheme, split)


SPACES = normalizers.Replace(" ", "▁")
KINDS = {
    "gpt2": Kind(byte_level(pattern=True)),
    "gpt2 with a space before": Kind(byte_level(prefix=True, pattern=True)),
    "cl100k": Kind(isolated(CL100K)),
    "llama3": Kind(isolated(CL100K), ignore_merges=True),
    "cl100k by what is removed": Kind(
        sequence(pre_tokenizers.Split(Regex(CL100K), "removed", True), byte_level())),
    "qwen": Kind(isolated(QWEN), normalizers.NFC()),
    "o200k": Kind(isolated(O200K)),
    "tekken": Kind(isolated(TEKKEN)),
    "kimi": Kind(isolated(KIMI)),
    "digits": Kind(sequence(pre_tokenizers.Digits(True), byte_level(pattern=True))),
    "digits together": Kind(sequence(pre_tokenizers.Digits(False), byte_level(pattern=True))),
    "deepseek": Kind(isolated(*DEEPSEEK)),
    "deepseek-coder": Kind(isolated(*DEEPSEEK_CODER)),
    "bloom": Kind(isolated(BLOOM)),
    "falcon": Kind(sequence(
        pre_tokenizers.Punctuation("contiguous"), byte_level(pattern=True), pre_tokenizers.Digits(False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"))),
    "NFKC and lower case": Kind(
        byte_level(pattern=True), normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])),
    "NFD": Kind(byte_level(pattern=True), normalizers.NFD()),
    "NFKD, stripped": Kind(byte_level(pattern=True), normalizers.Sequence([
        normalizers.NFKD(), normalizers.Strip(), normalizers.Replace(Regex(r"\s+"), " ")])),
    "llama2": Kind(
        None, normalizers.Sequence([normalizers.Prepend("▁"), SPACES]), "fallback",
        trained_with=pre_tokenizers.Split("▁", "merged_with_next"), fuse_unk=True),
    "mistral": Kind(metaspace("first", False), None, "fallback", trained_with=metaspace("first")),
    "metaspace": Kind(metaspace("always"), None, "fallback", decoders.Metaspace()),
    "metaspace, unknown together": Kind(
        metaspace("first"), normalizers.NFKC(), None, decoders.Metaspace("▁", "first"), fuse_unk=True),
    "metaspace, unknown alone": Kind(metaspace("never"), None, None, decoders.Metaspace("▁", "never")),
    "gemma": Kind(
        pre_tokenizers.Split(" ", "merged_with_previous"), SPACES, "fallback",
        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]),
        pre_tokenizers.Split("▁", "merged_with_next")),
    "digits and metaspace": Kind(sequence(pre_tokenizers.Digits(True), metaspace("first")), None, "fallback"),
    "metaspace and splits": Kind(
        sequence(metaspace("always"), pre_tokenizers.Digits(True), pre_tokenizers.Split("e", "merged_with_next")),
        None, "fallback"),
    "whitespace": Kind(pre_tokenizers.Whitespace(), None, None),
    "white space and punctuation": Kind(
        sequence(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()), normalizers.Lowercase(), None,
        fuse_unk=True),
    "look around": Kind(
        sequence(pre_tokenizers.Split(Regex(r"(?<=[a-z])(?=[A-Z])|\b"), "isolated"),
                 pre_tokenizers.CharDelimiterSplit("z")), None, "fallback"),
}


def train(name, texts, size):
    """A tokenizer of one kind with up to `size` tokens, trained on `texts`."""
    kind = KINDS[name]
    unknown = {"unk_token": "<unk>"} if kind.bytes is None else {}
    tokenizer = Tokenizer(models.BPE(byte_fallback=kind.bytes == "fallback", **unknown, **kind.model))
    if kind.normalizer:
        tokenizer.normalizer = kind.normalizer
    if kind.trained_with:
        tokenizer.pre_tokenizer = kind.trained_with
    tokenizer.decoder = kind.decoder
    if kind.bytes == "level":
        trainer = trainers.BpeTrainer(
            vocab_size=size, min_frequency=2, special_tokens=[END], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    else:
        fallbacks = [f"<0x{byte:02X}>" for byte in range(256)] if kind.bytes == "fallback" else []
        trainer = trainers.BpeTrainer(
            vocab_size=size, min_frequency=2, special_tokens=["<unk>", "<s>", "</s>"] + fallbacks,
            show_progress=False, limit_alphabet=size // 5, max_token_length=16)
    tokenizer.train_from_iterator(texts, trainer)
    saved = json.loads(tokenizer.to_str())
    # The bytes are no added tokens in published files.
    saved["added_tokens"] = [token for token in saved["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(saved))
    if kind.pre_tokenizer:
        tokenizer.pre_tokenizer = kind.pre_tokenizer
    elif kind.trained_with:
        saved["pre_tokenizer"] = None
        tokenizer = Tokenizer.from_str(json.dumps(saved))
    return tokenizer


def texts(size, seed=5):
    """Texts by name: one of each script, and code."""
    generator = random.Random(seed)
    result = {name: language(name, size, generator) for name in SCRIPTS}
    result["code"] = code(size, generator)
    return result
