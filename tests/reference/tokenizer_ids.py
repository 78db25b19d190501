"""Compares token ids of senc with those of the Hugging Face `tokenizers` library.

    python tests/reference/tokenizer_ids.py BUILD_FOLDER DATA_FOLDER [--random 100000] [--only NAME]

BUILD_FOLDER is a CMake build folder with libsenc_data.a; DATA_FOLDER is what SENC_DATA names (stsb, nfcorpus, ...,
tokenizers/). Every text of the data sets and `--random` strings made of all corners of Unicode are encoded by both, with and without a
maximum length. Prints the first differences and exits 1 when there are any.
"""
import argparse
import csv
import gzip
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def build_dump(build):
    out = pathlib.Path(tempfile.mkdtemp()) / "tokenizer_dump"
    libraries = [str(build / f"libsenc_{name}.a") for name in ("data", "formats", "base")]
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", f"-I{ROOT}", str(HERE / "tokenizer_dump.c"), "-o", str(out),
                    *libraries, "-lutf8proc", "-lzstd", "-lz", "-lpthread", "-ldl", "-lm"], check=True)
    return out


def senc_ids(dump, folder, lowercase, max_length, texts):
    blob = b"".join(struct.pack("<I", len(t)) + t for t in (text.encode() for text in texts))
    run = subprocess.run([str(dump), str(folder), lowercase, str(max_length)], input=blob, capture_output=True)
    if run.returncode != 0:
        sys.exit(f"tokenizer_dump: {run.returncode}: {run.stderr.decode()}")
    ids, at, data = [], 0, run.stdout
    while at < len(data):
        (n,) = struct.unpack_from("<I", data, at)
        ids.append(list(struct.unpack_from(f"<{n}i", data, at + 4)))
        at += 4 + 4 * n
    return ids, run.stderr.decode().strip()


def vocab_tokenizer(folder, lowercase):
    """What transformers' BertTokenizerFast builds from a vocab.txt."""
    tokens = (folder / "vocab.txt").read_bytes().decode().split("\n")
    vocab = {token.rstrip("\r"): i for i, token in enumerate(tokens[:-1])}
    t = Tokenizer(WordPiece(vocab, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    t.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])
    return t


def library_ids(tokenizer, max_length, texts):
    tokenizer.no_padding()
    if max_length:
        tokenizer.enable_truncation(max_length)
    else:
        tokenizer.no_truncation()
    start = time.perf_counter()
    ids = [tokenizer.encode(text).ids for text in texts]
    return ids, time.perf_counter() - start


def all_texts(data):
    for name in ("stsb-en-train", "stsb-en-dev", "stsb-en-test"):
        for row in csv.reader(open(data / "stsb" / f"{name}.csv", encoding="utf-8", newline="")):
            yield from row[:2]
    for name in ("corpus", "queries"):
        for line in open(data / "nfcorpus" / f"{name}.jsonl", encoding="utf-8"):
            row = json.loads(line)
            yield (row.get("title", "") + " " + row["text"]).strip()
    for line in open(data / "medquad" / "medquad.jsonl", encoding="utf-8"):
        row = json.loads(line)
        yield from (str(row["question"]), str(row["answer"]))
    for name in ("train", "test"):
        for row in csv.DictReader(open(data / "banking77" / f"{name}.csv", encoding="utf-8", newline="")):
            yield row["text"]
    for path in sorted((data / "multi30k").glob("*.gz")):
        yield from gzip.open(path, "rt", encoding="utf-8", newline="\n")
    for line in open(data / "qqp" / "new_dev.tsv", encoding="utf-8", newline="\n"):
        yield from line.rstrip("\n").split("\t")[3:5]


SPECIALS = ["[SEP]", "[MASK]", "[CLS]", "[PAD]", "[UNK]", "[sep]", "[MASK", "[[SEP]]", " [MASK] ", "[SEP][SEP]", "##a", "##"]
MARKS = [chr(c) for c in (*range(0x300, 0x370), *range(0x591, 0x5C8), *range(0x64B, 0x660), 0x93C, 0x94D, 0x1B44, 0x1BAA, 0x302E,
                          0x1D165, 0x1D16D, 0x1D16E, 0x8D4, 0x8E3, 0x1DFB, 0x1E000, 0x1E94A, 0xA9C0, 0x111C0, 0x344, 0xF73, 0x16FF0)]
RANGES = [(0x20, 0x7F), (0, 0x20), (0x80, 0x250), (0x250, 0x700), (0x700, 0x1100), (0x1100, 0x2000), (0x2000, 0x2E80),
          (0x2E80, 0x3400), (0x3400, 0xA000), (0xA000, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x30000),
          (0x30000, 0x110000), (0x1F300, 0x1FB00), (0x1E00, 0x2000), (0xAC00, 0xD7A4), (0xF900, 0xFB00), (0xFE00, 0xFFFF)]


def random_text(r):
    out = []
    for _ in range(r.choice((1, 2, 3, 5, 8, 13, 40))):
        kind = r.random()
        low, high = r.choice(RANGES)
        if kind < 0.35:
            out.append("".join(chr(r.randrange(low, high)) for _ in range(r.randint(1, 6))))
        elif kind < 0.5:
            out.append("".join(r.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(r.randint(1, 12))))
        elif kind < 0.65:
            out.append(r.choice("aeiouAEIOUxX漢é\u0130ΣßҐ가") + "".join(r.choice(MARKS) for _ in range(r.randint(1, 5))))
        elif kind < 0.75:
            out.append(r.choice(SPECIALS))
        elif kind < 0.95:
            out.append(r.choice((" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u200b", "\u0085", "\u2028", ".", ",", "'", "-", "\x00", "\ufffd")))
        elif kind < 0.97:
            out.append(r.choice("abé漢") * r.randint(95, 105))
        else:
            out.append(chr(r.randrange(low, high)) * r.choice((2, 50, 99, 100, 101, 120)))
    return "".join(out)


def compare(name, dump, folder, lowercase, tokenizer, texts, max_length):
    ours, note = senc_ids(dump, folder, lowercase, max_length, texts)
    theirs, seconds = library_ids(tokenizer, max_length, texts)
    bad = [i for i in range(len(texts)) if i >= len(ours) or ours[i] != theirs[i]]
    size = sum(len(t.encode()) for t in texts) / 1e6
    print(f"{name} max_length {max_length}: {len(texts)} texts, {len(bad)} differ; senc {note}; library {size / seconds:.1f} MB/s",
          flush=True)
    for i in bad[:5]:
        print(f"  {texts[i]!r}\n    senc    {ours[i] if i < len(ours) else None}\n    library {theirs[i]}")
    return len(bad)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--random", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-data", action="store_true")
    a = parser.parse_args()
    dump = build_dump(a.build)
    r = random.Random(a.seed)
    strings = [random_text(r).encode("utf-8", "surrogatepass").decode("utf-8", "ignore") for _ in range(a.random)]
    data_texts = [] if a.no_data else list(all_texts(a.data))
    folders = a.data / "tokenizers"
    models = [("all-MiniLM-L6-v2", "auto", Tokenizer.from_file(str(folders / "all-MiniLM-L6-v2" / "tokenizer.json")))]
    for name, lowercase in (("bert_base_cased_tok", False), ("bert_multi_cased", False), ("bert_chinese", True),
                            ("bert_base_cased_tok", True)):
        models.append((name, "yes" if lowercase else "no", vocab_tokenizer(folders / name, lowercase)))
    n_bad = 0
    for name, lowercase, tokenizer in models:
        if a.only not in name:
            continue
        for max_length in (0, 16):
            n_bad += compare(f"{name} {lowercase} random", dump, folders / name, lowercase, tokenizer, strings, max_length)
        if data_texts:
            n_bad += compare(f"{name} {lowercase} data", dump, folders / name, lowercase, tokenizer, data_texts, 0)
    sys.exit(1 if n_bad else 0)


if __name__ == "__main__":
    main()
