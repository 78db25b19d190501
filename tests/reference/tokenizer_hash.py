"""Prints the hashes that tests/data/test_tokenizer.c expects of the real vocabularies, from the Hugging Face library's ids.

    python tests/reference/tokenizer_hash.py DATA_FOLDER      (what SENC_DATA names)
"""
import pathlib
import sys

from tokenizers import Tokenizer

from tokenizer_ids import vocab_tokenizer

MASK = (1 << 64) - 1
STARTS = (0x20, 0xA0, 0x300, 0x370, 0x5D0, 0x900, 0xAC00, 0x3040, 0x4E00, 0x1F600, 0x2000, 0x1E00, 0x0, 0xE000)
WIDTHS = (0x5F, 0x160, 0x70, 0xC0, 0x60, 0x80, 0x800, 0xC0, 0x1000, 0x80, 0x100, 0x100, 0x20, 0x40)
WORDS = ("[SEP]", "[MASK]", "the", "Hello", "unaffable", "'s", "--", "THE", "na\u00efve")


def mix(x):
    """senc_rng_mix: the finaliser of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def generate(i):
    state = i

    def draw(n):
        nonlocal state
        state = mix(state)
        return state % n

    out = []
    for _ in range(1 + draw(12)):
        block = draw(18)
        if block >= 14:
            out.append(WORDS[draw(9)])
        for _ in range(draw(6) if block < 14 else 0):
            out.append(chr(STARTS[block] + draw(WIDTHS[block])))
        if draw(2):
            out.append(" ")
    return "".join(out)


def main():
    folders = pathlib.Path(sys.argv[1]) / "tokenizers"
    models = {"all-MiniLM-L6-v2": Tokenizer.from_file(str(folders / "all-MiniLM-L6-v2" / "tokenizer.json"))}
    for name, lowercase in (("bert_base_cased_tok", False), ("bert_multi_cased", False), ("bert_chinese", True)):
        models[name] = vocab_tokenizer(folders / name, lowercase)
    texts = [generate(i) for i in range(20000)]
    for name, tokenizer in models.items():
        tokenizer.no_truncation()
        tokenizer.no_padding()
        parts = []
        for part in range(8):
            h = 0
            for text in texts[part * 2500 : (part + 1) * 2500]:
                for id in tokenizer.encode(text).ids:
                    h = mix(h ^ id)
            parts.append(h)
        h = 0
        for part in parts:
            h = mix(h ^ part)
        print(f"{name} 0x{h:016x}")


if __name__ == "__main__":
    main()
